"""What the README's examples run against: a real API and worker, stand-ins for ComfyUI and a receiver of webhooks."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.demo.ports import free_port
from sandbox.serve import serving
from sandbox.webhook_receiver import WebhookReceiver
from tests.conftest import ROOT
from tests.readme_blocks import Block

PROGRAMS = Path(sys.executable).parent
PATIENCE = 60.0
EXAMPLE_HOOK = "https://example.com/hook"
ENDINGS = {"sh": "sh", "python": "py", "js": "mjs"}


class Running:
    """One example as a process; what it says is in `output`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = ""
        self.more = asyncio.Event()
        self.reader = asyncio.create_task(self._read())

    async def end(self) -> str:
        async with asyncio.timeout(PATIENCE):
            status = await self.process.wait()
            await self.reader
        assert status == 0, f"status {status}\n{self.output}"
        return self.output

    async def until(self, words: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while words not in self.output:
                assert not self.reader.done(), f"it ended without {words!r}:\n{self.output}"
                self.more.clear()
                await self.more.wait()

    def signal(self, number: signal.Signals) -> None:
        """To all that the example has started, as a terminal does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    async def stop(self) -> None:
        self.signal(signal.SIGKILL)
        await self.process.wait()
        await self.reader

    async def _read(self) -> None:
        assert self.process.stdout
        try:
            while chunk := await self.process.stdout.read(4096):
                self.output += chunk.decode("utf-8", "replace")
                self.more.set()
        finally:
            self.more.set()


def _hear_ctrl_c() -> None:
    """Whoever is started in the background of a script inherits that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Stack:
    url: str
    key: str
    database_url: str
    receiver: WebhookReceiver
    hook: str
    http: httpx.AsyncClient

    @asynccontextmanager
    async def running(self, block: Block, folder: Path, **environment: str) -> AsyncIterator[Running]:
        """The receiver's address stands for the example's, as its reader puts his own there; all else is as written."""
        file = folder / f"example.{ENDINGS[block.language]}"
        file.write_text(block.text.replace(EXAMPLE_HOOK, self.hook), "utf-8")
        run = {"sh": ["bash", "-euo", "pipefail"], "python": [sys.executable, "-W", "error"], "js": ["node"]}
        known = {
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(folder),
            "POSTGEN_URL": self.url,
            "POSTGEN_API_KEY": self.key,
        }
        process = await asyncio.create_subprocess_exec(
            *run[block.language], str(file), cwd=folder, env=known | environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            preexec_fn=_hear_ctrl_c,
        )  # fmt: skip
        example = Running(process)
        try:
            yield example
        finally:
            await example.stop()

    async def run(self, block: Block, folder: Path, **environment: str) -> str:
        """What it said, when it ended well."""
        async with self.running(block, folder, **environment) as example:
            return await example.end()

    async def job(self, *, wait: bool = True, **more: Any) -> dict[str, Any]:
        wanted = {"kind": "generate_image", "input": {"prompt": "a lighthouse"}, "webhook_url": self.hook, **more}
        answer = await self.http.post("/v1/jobs", json=wanted, headers={"Prefer": "wait=50"} if wait else {})
        assert answer.status_code == (200 if wait else 202), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def received(self, *, after: int = 0, **wanted: object) -> dict[str, Any]:
        """The first attempt whose headers, or event with its `data`, have these members, as soon as it is there.

        `after`: so many that came before are not looked at.
        """
        async with asyncio.timeout(PATIENCE):
            while True:
                for attempt in self.receiver.received[after:]:
                    members = {**attempt.headers, **attempt.event["data"], "type": attempt.event["type"]}
                    if wanted.items() <= members.items():
                        return {"headers": attempt.headers, "body": attempt.body, **members}
                self.receiver.arrived.clear()
                await self.receiver.arrived.wait()


def start(*command: str, environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    program, *arguments = command
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(PROGRAMS / program), *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def made_key(stdout: str) -> str:
    [key] = [line for line in stdout.splitlines() if line.startswith("pg_")]
    return key


@asynccontextmanager
async def readme_stack(database_url: str, folder: Path, make_key: Block) -> AsyncIterator[Stack]:
    """Its key is made as the README says."""
    port, receiver = free_port(), WebhookReceiver()
    url = f"http://127.0.0.1:{port}"
    async with (
        ComfyServer(ComfySettings(seconds_per_picture=0.2), port=0) as comfyui,
        serving(receiver.app) as hooks,
    ):
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "DATABASE_URL": database_url, "PUBLIC_URL": url,
            "COMFYUI_HOSTS": comfyui.host, "MEDIA_URL": f"file:{folder}/media", "WEBHOOK_ALLOW_PRIVATE": "true",
            "WORKER_SHUTDOWN_GRACE": "2",
        }  # fmt: skip
        api = start("uvicorn", "api.app:app", f"--port={port}", environment=environment, log=folder / "api.log")
        worker = start(
            "procrastinate", "--app=jobs.worker.app", "worker", "--queues=gpu-0,webhooks",
            environment=environment, log=folder / "worker.log",
        )  # fmt: skip
        try:
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as http:
                stack = Stack(url, "", database_url, receiver, f"{hooks}/hook", http)
                stack.key = await made_key(await stack.run(make_key, folder, DATABASE_URL=database_url))
                http.headers["Authorization"] = f"Bearer {stack.key}"
                await ready(http, api, folder)
                yield stack
        finally:
            await asyncio.gather(*(asyncio.to_thread(stop, process) for process in (worker, api)))


async def ready(http: httpx.AsyncClient, api: "subprocess.Popen[bytes]", folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            assert api.poll() is None, (folder / "api.log").read_text()
            with suppress(httpx.TransportError):
                if (await http.get("/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)
