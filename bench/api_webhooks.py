"""How soon does a webhook arrive, how fast does a backlog drain, and what do receivers that hang cost the others?

A worker process as in production, the receivers in this process.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg

from bench.children import Failed, running
from bench.figures import Figure, percentile, spread, within
from bench.ground import Ground
from bench.ours import worker
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.settings import DatabaseSettings
from jobs.webhooks import endpoints
from jobs.webhooks.plan import announce
from jobs.webhooks.surroundings import surroundings

TITLE = "api-webhooks: from an event to its arrival at a receiver"
RECEIVERS = 200
TARGET = 0.030
PACE = 0.02
LISTENING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"


class Receivers:
    """All receivers on one port, each at a path of its own. It speaks just enough HTTP, to take little time itself."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.hanging: set[str] = set()
        self.port = 0

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator["Receivers"]:
        talking: set[asyncio.Task[None]] = set()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            talking.add(task)
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self._serve(reader, writer)
            writer.close()
            talking.discard(task)

        server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=2000)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(talking):
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            body = await reader.readexactly(size)
            path = head.split(" ", 2)[1]
            if path in self.hanging:
                await asyncio.sleep(3600)
            self.arrived.setdefault(json.loads(body)["data"]["id"], time.perf_counter())
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()

    async def until(self, wanted: set[str], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not wanted <= self.arrived.keys():
            if time.monotonic() > deadline:
                raise Failed(f"{len(wanted - self.arrived.keys())} webhooks never arrived.")
            await asyncio.sleep(0.02)


async def measure(ground: Ground) -> list[Figure]:
    with private_receivers():
        return [await arrival(ground), await drain(ground), await hanging(ground)]


@contextlib.contextmanager
def private_receivers() -> Iterator[None]:
    """This process plans the webhooks, and its receivers are at 127.0.0.1."""
    os.environ["WEBHOOK_ALLOW_PRIVATE"] = "true"
    surroundings.cache_clear()
    try:
        yield
    finally:
        del os.environ["WEBHOOK_ALLOW_PRIVATE"]
        surroundings.cache_clear()


async def register(database: Database, receivers: Receivers, count: int) -> None:
    async with database.transaction() as connection:
        for number in range(count):
            url = f"http://127.0.0.1:{receivers.port}/{number}"
            await endpoints.register(connection, f"account:{number}", url=url, events=["job.created"])


async def event(database: Database, number: int) -> tuple[str, float]:
    """A new job of this receiver's owner; its id, and when its transaction was about to be committed."""
    job_id = uuid4()
    async with database.transaction() as connection:
        job = await job_rows.insert(
            connection, id=job_id, kind="generate_reply", owner=f"account:{number}",
            input={"system_prompt": "You are kind.", "user_message": "hello"}, queue="llm", priority=0, workflow=None,
            model=None, turn=0, ticket_id=None, parent_id=None, root_id=None, dialog_id=None, destination={},
            metadata={}, run_at=None, deadline=None,
        )  # fmt: skip
        await announce(connection, job, "job.created")
        moment = time.perf_counter()
    return str(job_id), moment


async def paced(database: Database, receivers: Receivers, numbers: list[int]) -> list[float]:
    """One event at a time at a steady pace; the seconds to arrival at those that do not hang."""
    began: dict[str, float] = {}
    start = time.perf_counter()
    for place, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, start + place * PACE - time.perf_counter()))
        job_id, moment = await event(database, number)
        if f"/{number}" not in receivers.hanging:
            began[job_id] = moment
    await receivers.until(set(began), 60)
    return [receivers.arrived[job_id] - moment for job_id, moment in began.items()]


@contextlib.contextmanager
def sending(ground: Ground, url: str) -> Iterator[None]:
    environment = ground.environment(url, WEBHOOK_ALLOW_PRIVATE="true")
    # housekeeping brings back what had no room at its receiver
    with running("webhooks", worker("webhooks,housekeeping"), environment=environment, folder=ground.folder) as child:
        with psycopg.connect(url, autocommit=True) as connection:
            while not connection.execute(LISTENING).fetchone():
                child.require_alive()
                time.sleep(0.05)
        yield


async def arrival(ground: Ground) -> Figure:
    with ground.database() as url:
        async with opened(url) as (database, receivers):
            await register(database, receivers, 20)
            with sending(ground, url):
                await paced(database, receivers, [number % 20 for number in range(40)])
                count = 100 if ground.quick else 1000
                seconds = await paced(database, receivers, [number % 20 for number in range(count)])
    figure = within("event to arrival", seconds, TARGET)
    return Figure(
        figure.name, figure.value, f"{count} events, one every {PACE * 1000:.0f} ms, from before their commit",
        figure.target, figure.met,
    )  # fmt: skip


async def drain(ground: Ground) -> Figure:
    count = 500 if ground.quick else 3000
    with ground.database() as url:
        async with opened(url) as (database, receivers):
            await register(database, receivers, 50)
            wanted = {(await event(database, number % 50))[0] for number in range(count)}
            with sending(ground, url):
                await receivers.until(wanted, 300)
                moments = sorted(receivers.arrived[job_id] for job_id in wanted)
    speed = (count - 1) / (moments[-1] - moments[0])
    return Figure("drain", f"{speed:.0f} a second", f"{count} waiting webhooks for 50 receivers that answer at once")


async def hanging(ground: Ground) -> Figure:
    events = 400 if ground.quick else 3000
    order = [number * 7 % RECEIVERS for number in range(events)]
    with ground.database() as url:
        async with opened(url) as (database, receivers):
            await register(database, receivers, RECEIVERS)
            with sending(ground, url):
                await paced(database, receivers, order[:100])
                alone = await paced(database, receivers, order)
                receivers.hanging = {f"/{number}" for number in range(0, RECEIVERS, 2)}
                beside = await paced(database, receivers, order)
    before, after = percentile(alone, 0.99), percentile(beside, 0.99)
    return Figure(
        f"healthy ones beside {RECEIVERS // 2} that hang",
        f"{spread(beside)}  (before: {spread(alone)})",
        f"{events} events to {RECEIVERS} receivers, one every {PACE * 1000:.0f} ms; half of them give no answer",
        "p99 at most doubled",
        after <= 2 * before,
    )


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Database, Receivers]]:
    database = Database(DatabaseSettings(database_url=url))
    async with Receivers().opened() as receivers:
        try:
            yield database, receivers
        finally:
            await database.aclose()
