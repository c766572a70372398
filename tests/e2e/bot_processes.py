"""The bot as an operator runs it, for people in a browser: its door and its worker are processes of their own.

Telegram, ComfyUI and the language model are the sandbox's, in this loop, so that a test can change and hold them.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from sandbox.bot_api.options import BotAccount
from sandbox.bot_api.server import running_sandbox
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.demo.ports import free_port
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
BOT = BotAccount("1000002:in-a-browser", "postgen_bot", "Postgen")
QUEUES = "gpu-0,llm,telegram,housekeeping"
PATIENCE = 60.0


@dataclass(frozen=True)
class RunningBot:
    """`chat_url`: where people open their chats with it."""

    chat_url: str
    llm: ScriptedLlm
    comfyui: ComfyServer


@asynccontextmanager
async def running_bot(database_url: str, folder: Path, **settings: str) -> AsyncIterator[RunningBot]:
    """`settings` are put into the environment of its processes; what they write is in `folder`."""
    async with AsyncExitStack() as opened:
        llm = ScriptedLlm()
        llm_url = await opened.enter_async_context(serving(llm.app))
        comfyui = await opened.enter_async_context(ComfyServer(ComfySettings(seconds_per_picture=0.05)))
        chat = await opened.enter_async_context(running_sandbox(BOT))
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"], "DATABASE_URL": database_url, "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TELEGRAM_BOT_TOKEN": BOT.token, "TELEGRAM_WEBHOOK_SECRET": "in_a_browser", "TELEGRAM_API_BASE": chat.url,
            "COMFYUI_HOSTS": comfyui.host, "VENICE_BASE_URL": f"{llm_url}/v1", "MEDIA_URL": f"file:{folder}/media",
            "WORKER_SHUTDOWN_GRACE": "1", **settings,
        }  # fmt: skip
        commands = {
            "door": ["uvicorn", "webhook.app:app", f"--port={port}", "--no-access-log"],
            "worker": ["procrastinate", "--app=jobs.worker.app", "worker", f"--queues={QUEUES}"],
            "registration": ["postgen", "webhook", "set"],
        }
        processes = {name: _start(command, environment, folder / name) for name, command in commands.items()}
        opened.push_async_callback(asyncio.to_thread, _stop, list(processes.values()))
        # what waits in the model would hold its server back
        opened.callback(llm.resume)
        assert await asyncio.to_thread(processes["registration"].wait, PATIENCE) == 0, _said(folder / "registration")
        await _until_ready(f"{environment['PUBLIC_URL']}/readyz", processes["door"], folder / "door")
        yield RunningBot(chat.url, llm, comfyui)


def _start(command: list[str], environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    program, *arguments = command
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(PROGRAMS / program), *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


def _stop(processes: "list[subprocess.Popen[bytes]]") -> None:
    for process in processes:
        process.kill()
    for process in processes:
        process.wait(10)


def _said(log: Path) -> str:
    return log.read_text(errors="replace")


async def _until_ready(url: str, door: "subprocess.Popen[bytes]", log: Path) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as http:
        while True:
            assert door.poll() is None, _said(log)
            with suppress(httpx.TransportError):
                if (await http.get(url)).status_code == 200:
                    return
            await asyncio.sleep(0.05)
