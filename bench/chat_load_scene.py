"""One round of the load: Telegram played in this process, door, workers and model in their own, and what came of it."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from bench import chat_load_ledger as ledger
from bench import cpu
from bench.chat_load_faults import Faults
from bench.chat_load_people import Crowd
from bench.chat_load_round import MODEL_SECONDS, Came, Round
from bench.chat_load_verdict import judged, talk_of
from bench.chat_load_workers import Workers
from bench.children import Child, answers, free_port, running
from bench.ground import Ground
from bench.ours import open_door
from bench.updates import SECRET, TOKEN
from jobs.companion.operating.registration import ALLOWED_UPDATES, MAX_CONNECTIONS, WEBHOOK_PATH
from sandbox.bot_api.methods.webhook import set_webhook
from sandbox.bot_api.options import FloodLimits, SandboxOptions
from sandbox.bot_api.params import Params
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox

PRICE = 2
LOOK_SECONDS = 0.2
UNLIMITED = 10_000
REFUSED = 429

Act = Callable[[], Coroutine[Any, Any, None]]


async def play(ground: Ground, wanted: Round) -> Came:
    """Raises Failed when a process ends by itself."""
    options = SandboxOptions(flood=FloodLimits() if wanted.limits else None)
    with ground.database(wanted.template) as url:
        async with running_sandbox(TOKEN, options=options) as telegram, _model(ground) as model_port:
            environment = _environment(ground, wanted, url, telegram.url, model_port)
            async with open_door(ground, "webhook.app:app", environment) as (door, port):
                await _register(telegram.sandbox, port)
                with Workers(ground, wanted.fleet, environment).all() as workers:
                    await workers.ready(url)
                    return await _Scene(ground, wanted, url, telegram.sandbox, door, workers).play()


def _environment(ground: Ground, wanted: Round, url: str, telegram: str, model_port: int) -> dict[str, str]:
    pace = {} if wanted.limits else dict.fromkeys(
        ("TELEGRAM_MESSAGES_PER_SECOND", "TELEGRAM_CHAT_MESSAGES_PER_SECOND"), UNLIMITED
    )  # fmt: skip
    return ground.environment(
        url,
        TELEGRAM_API_BASE=telegram,
        VENICE_BASE_URL=f"http://127.0.0.1:{model_port}/v1",
        IMAGE_EVERY_MIN=0,
        IMAGE_EVERY_MAX=0,
        PRICE_REPLY=PRICE,
        **pace,
    )


@contextlib.asynccontextmanager
async def _model(ground: Ground) -> AsyncIterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.chat_load_model", str(port), str(MODEL_SECONDS)]
    with running("model", command, environment=ground.environment(), folder=ground.folder) as child:
        await answers(child, port, "/health")
        yield port


async def _register(sandbox: Sandbox, port: int) -> None:
    hook = {
        "url": f"http://127.0.0.1:{port}{WEBHOOK_PATH}",
        "secret_token": SECRET,
        "allowed_updates": ALLOWED_UPDATES,
        "max_connections": MAX_CONNECTIONS,
    }
    await set_webhook(sandbox.bot(), Params(hook))


@dataclass
class _Scene:
    ground: Ground
    wanted: Round
    url: str
    sandbox: Sandbox
    door: Child
    workers: Workers

    async def play(self) -> Came:
        crowd = Crowd(self.sandbox, self.wanted.people)
        listening = asyncio.create_task(crowd.listen())
        doubting = asyncio.create_task(self._doubt(crowd))
        faults = Faults(self.ground.postgres, self.workers, crowd)
        try:
            await self._until_all(crowd, (writer.begin for writer in crowd.writers.values()))
            before = await asyncio.to_thread(self._spent)
            async with faults.happening() if self.wanted.faults else contextlib.nullcontext():
                await self._until_all(crowd, (writer.talk for writer in crowd.writers.values()))
            await self._until_settled()
            after = await asyncio.to_thread(self._spent)
        finally:
            await _cancelled([listening, doubting])
        spent = {} if self.wanted.faults else {name: after[name] - before[name] for name in after}
        return await asyncio.to_thread(self._came, faults, spent)

    async def _until_all(self, crowd: Crowd, acts: Iterable[Act]) -> None:
        """Everybody at once, until each has done all of it, or nobody hears anything any more."""
        open_tasks = {asyncio.create_task(act()) for act in acts}
        crowd.heard_at = time.monotonic()
        while open_tasks and time.monotonic() - crowd.heard_at < self.wanted.patience:
            done, open_tasks = await asyncio.wait(open_tasks, timeout=LOOK_SECONDS)
            for task in done:
                task.result()
            self.door.require_alive()
            # one that starts while the database is away gives up
            self.workers.look_after(restart=self.wanted.faults)
        await _cancelled(open_tasks)

    async def _doubt(self, crowd: Crowd) -> None:
        while True:
            with contextlib.suppress(psycopg.Error):  # the database is away for a moment
                crowd.doubt(await asyncio.to_thread(ledger.unknown, self.url))
            await asyncio.sleep(1.0)

    async def _until_settled(self) -> None:
        until = time.monotonic() + self.wanted.patience
        left = 1
        while left and time.monotonic() < until:
            await asyncio.sleep(LOOK_SECONDS)
            left = await asyncio.to_thread(ledger.unfinished, self.url)
        await asyncio.sleep(self.wanted.aftermath)

    def _spent(self) -> dict[str, float]:
        """Telegram's part is this process."""
        server = self.ground.postgres.process
        return {
            "door": cpu.of_group(self.door.pid),
            **self.workers.spent(),
            "PostgreSQL": cpu.of_children(server.pid) if server else 0.0,
            "people and Telegram": time.process_time(),
        }

    def _refusals(self) -> int:
        return sum(call.status == REFUSED for call in self.sandbox.bot().calls.kept)

    def _came(self, faults: Faults, spent: dict[str, float]) -> Came:
        books = ledger.books(self.url, PRICE)
        bot = self.sandbox.bot()
        talks = [talk_of(chat) for chat in bot.chats.values()]
        return Came(
            self.wanted, judged(talks, books.unknown), books, self._refusals(), faults.killed, faults.restarts,
            ledger.left(self.url), spent,
        )  # fmt: skip


async def _cancelled(tasks: Iterable["asyncio.Task[None]"]) -> None:
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
