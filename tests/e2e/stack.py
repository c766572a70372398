"""The whole way in one test: stand-ins and the webhook app in this loop, the worker as the true process it is."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs.companion.operating.registration import ALLOWED_UPDATES
from jobs.db.session import Database
from jobs.settings import DatabaseSettings, LaneSettings, MediaSettings, PersonaSettings, TelegramWebhookSettings
from sandbox.bot_api.app import create_app as create_bot_api
from sandbox.bot_api.options import SandboxOptions
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from webhook.app import create_app

Found = TypeVar("Found")

TOKEN = "1000001:end-to-end"
SECRET = "end_to_end"
PATIENCE = 20.0
PROCRASTINATE = Path(sys.executable).with_name("procrastinate")


class AnswerGate:
    """Stands between the worker and the Bot API: a call goes through, and its answer may be held back."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.open = asyncio.Event()
        self.open.set()
        self.held = asyncio.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self._pass, methods=["GET", "POST"])])

    async def _pass(self, request: Request) -> Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"content-type": request.headers.get("content-type", "application/json")}
            answer = await client.request(
                request.method, f"{self.target}{request.url.path}", content=await request.body(), headers=headers
            )
        if not self.open.is_set() and request.url.path.endswith(("sendMessage", "sendPhoto")):
            self.held.set()
            await self.open.wait()
        return Response(answer.content, answer.status_code, media_type="application/json")


@dataclass
class Stack:
    telegram: httpx.AsyncClient
    llm: ScriptedLlm
    comfyui: ComfyServer
    gate: AnswerGate
    database: Database
    environment: dict[str, str]
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def user(self, language: str = "en") -> int:
        person = {"first_name": "Anna", "language_code": language}
        return int((await self.telegram.post("/sandbox/users", json=person)).json()["id"])

    async def say(self, user: int, words: str) -> None:
        (await self.telegram.post(f"/sandbox/users/{user}/messages", json={"text": words})).raise_for_status()

    async def from_bot(self, user: int) -> list[dict[str, Any]]:
        messages = (await self.telegram.get(f"/sandbox/users/{user}/messages")).json()
        return [message for message in messages if message["from_bot"]]

    async def until_bot_said(self, user: int, count: int) -> list[dict[str, Any]]:
        """Waits for so many messages of the bot, and returns all that there are then."""
        return await until(lambda: self.from_bot(user), lambda messages: len(messages) >= count)

    async def query(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.transaction() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def start_worker(
        self, queues: str = "gpu-0,llm,telegram,housekeeping", *options: str
    ) -> subprocess.Popen[bytes]:
        known = {row.id for row in await self.query("SELECT id FROM procrastinate_workers")}
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [PROCRASTINATE, "--app=jobs.worker.app", "worker", f"--queues={queues}", *options],
            env=self.environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        log.close()
        self.workers.append(worker)
        found = "SELECT id FROM procrastinate_workers"
        await until(lambda: self.query(found), lambda rows: any(row.id not in known for row in rows))
        return worker

    async def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """As a power cut does; and its silence is made old enough for the sweep to act at once."""
        worker.send_signal(signal.SIGKILL)
        await asyncio.to_thread(worker.wait, 10)
        await self.query(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour' RETURNING 1"
        )

    def stop_workers(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(10)


async def until(
    look: Callable[[], Awaitable[Found]], enough: Callable[[Found], object], patience: float = PATIENCE
) -> Found:
    deadline = time.monotonic() + patience
    while True:
        found = await look()
        if enough(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {patience} s; this is there: {found!r}")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running_stack(database_url: str, folder: Path) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as opened:
        llm = ScriptedLlm()
        bot_api = await opened.enter_async_context(serving(create_bot_api([TOKEN], SandboxOptions(retry_scale=0.05))))
        gate = AnswerGate(bot_api)
        gate_url = await opened.enter_async_context(serving(gate.app))
        llm_url = await opened.enter_async_context(serving(llm.app))
        comfyui = await opened.enter_async_context(ComfyServer(ComfySettings(seconds_per_picture=0.05), port=0))
        database = Database(DatabaseSettings(database_url=database_url))
        opened.push_async_callback(database.aclose)
        telegram = await opened.enter_async_context(httpx.AsyncClient(base_url=bot_api, trust_env=False))
        settings = TelegramWebhookSettings(telegram_bot_token=TOKEN, telegram_webhook_secret=SECRET)
        lanes, media = LaneSettings(comfyui_hosts=comfyui.host), MediaSettings(media_url=f"file:{folder}/media")
        door = create_app(DatabaseSettings(database_url=database_url), settings, lanes, media, PersonaSettings())
        door_url = await opened.enter_async_context(serving(door))
        await telegram.post(
            f"/bot{TOKEN}/setWebhook",
            json={
                "url": f"{door_url}/telegram/webhook",
                "secret_token": SECRET,
                "allowed_updates": ALLOWED_UPDATES,
            },
        )
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": gate_url,
            "COMFYUI_HOSTS": comfyui.host,
            "VENICE_BASE_URL": f"{llm_url}/v1",
            "MEDIA_URL": media.media_url,
            "WORKER_SHUTDOWN_GRACE": "2",
        }
        stack = Stack(telegram, llm, comfyui, gate, database, environment, folder)
        try:
            yield stack
        finally:
            gate.open.set()
            llm.resume()
            await asyncio.to_thread(stack.stop_workers)
