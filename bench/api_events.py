"""How soon is an event at whoever streams it, with 1, 100 and 1,000 streams open in one process of the API?"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.children import Child, answers, free_port, running
from bench.figures import Figure, milliseconds, percentile, spread
from bench.ground import PROGRAMS, TEMPLATE, Ground
from jobs.db.access import api_keys
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.settings import DatabaseSettings

TITLE = "api-events: from the statement that writes an event to its arrival in an open stream"
SLOWEST = 0.1
OPEN = (1, 100, 1000)
OWNER = "account:bench"
STREAMS_PER_KEY = 100
OPENED_AT_ONCE = 20
ARRIVAL_SECONDS = 30
MARK = b"event: job.progress\n"
STEP = job_rows.changing("UPDATE jobs SET event_seq = event_seq + 1 WHERE id = :id")


@dataclass
class Listener:
    """One open stream. `arrived` is when the newest event came."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    arrived: float = 0.0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        while chunk := await self.reader.read(65536):
            if MARK in chunk:
                self.arrived = time.perf_counter()
                self.news.set()

    async def next(self) -> float:
        await asyncio.wait_for(self.news.wait(), ARRIVAL_SECONDS)
        self.news.clear()
        return self.arrived


async def measure(ground: Ground) -> list[Figure]:
    figures: list[Figure] = []
    samples = 100 if ground.quick else 400
    with ground.database(TEMPLATE) as url:
        database = Database(DatabaseSettings(database_url=url))
        try:
            keys = await _keys(database, max(OPEN) // STREAMS_PER_KEY + 1)
            for count in OPEN:
                figures += await _with_streams(ground, url, database, keys, count, samples)
        finally:
            await database.aclose()
    return figures


async def _with_streams(
    ground: Ground, url: str, database: Database, keys: Sequence[str], count: int, samples: int
) -> list[Figure]:
    """A fresh process each: what it needs for these streams is to be seen."""
    shared, *own = await _jobs(database, 1 + count)
    async with _api(ground, url) as (child, port):
        async with _streams(port, keys, [f"/v1/jobs/{job}/events" for job in own[:1]]):
            idle = _resident(child)
        async with _streams(port, keys, [f"/v1/jobs/{job}/events" for job in own]) as streams:
            memory = (_resident(child) - idle) / count
            one = await _one_of_many(database, own, streams, samples)
        async with _streams(port, keys, [f"/v1/jobs/{shared}/events"] * count) as streams:
            of_job = await _to_all(database, shared, streams, max(10, samples // 20))
        async with _streams(port, keys, ["/v1/events"] * count) as streams:
            of_account = await _to_all(database, shared, streams, max(10, samples // 20))
    figures = [
        Figure(
            f"{count} streams open, an event for one of them", spread(one),
            "each stream follows its own job; random jobs get an event, one after the other",
            f"p99 ≤ {milliseconds(SLOWEST)}", percentile(one, 0.99) <= SLOWEST,
        ),
        Figure(f"{count} streams of one job, the last to hear", spread(of_job), "all follow the same job"),
        Figure(f"{count} streams of one account, the last to hear", spread(of_account), "all follow the account"),
    ]  # fmt: skip
    if count > 1:
        figures.append(
            Figure(f"{count} streams, memory for each", f"{memory / 1024:.1f} kB", "resident, beside one open stream")
        )
    return figures


async def _one_of_many(
    database: Database, jobs: Sequence[UUID], streams: Sequence[Listener], samples: int
) -> list[float]:
    chance = random.Random(4)
    found = []
    for _ in range(samples):
        place = chance.randrange(len(jobs))
        started = await _write(database, jobs[place])
        found.append(await streams[place].next() - started)
    return found


async def _to_all(database: Database, job: UUID, streams: Sequence[Listener], samples: int) -> list[float]:
    found = []
    for _ in range(samples):
        started = await _write(database, job)
        found.append(max([await each.next() for each in streams]) - started)
    return found


async def _write(database: Database, job: UUID) -> float:
    """When the statement was sent: what it takes to be committed is a part of the way."""
    started = time.perf_counter()
    async with database.statement() as connection:
        await connection.execute(STEP, {"id": job, "event": "job.progress", "data": {"done": 1, "total": 2}})
    return started


@asynccontextmanager
async def _api(ground: Ground, url: str) -> AsyncIterator[tuple[Child, int]]:
    port = free_port()
    command: list[str | Path] = [
        PROGRAMS / "uvicorn",
        "api.app:app",
        "--port",
        str(port),
        "--no-access-log",
        "--backlog",
        "2048",
    ]
    with running("api", command, environment=ground.environment(url), folder=ground.folder) as child:
        await answers(child, port)
        yield child, port


@asynccontextmanager
async def _streams(port: int, keys: Sequence[str], paths: Sequence[str]) -> AsyncIterator[list[Listener]]:
    """Open, past their snapshot."""
    gate = asyncio.Semaphore(OPENED_AT_ONCE)

    async def opened(number: int, path: str) -> Listener:
        async with gate:
            return await _open(port, keys[number // STREAMS_PER_KEY], path)

    streams = await asyncio.gather(*(opened(number, path) for number, path in enumerate(paths)))
    tasks = [asyncio.create_task(each.listen()) for each in streams]
    try:
        yield streams
    finally:
        for task, each in zip(tasks, streams, strict=True):
            task.cancel()
            each.writer.close()
        await asyncio.wait(tasks)
        # the process must have noticed before it is measured again
        await asyncio.sleep(0.5)


async def _open(port: int, key: str, path: str) -> Listener:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    head = f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nAccept: text/event-stream\r\n\r\n"
    writer.write(head.encode())
    status = await reader.readline()
    if b" 200 " not in status:
        raise ValueError(f"{path} answers {status.decode()}: {(await reader.read(2000)).decode()}")
    await reader.readuntil(b"event: snapshot\n")
    await reader.readuntil(b"\n\n")
    return Listener(reader, writer)


async def _keys(database: Database, count: int) -> list[str]:
    async with database.transaction() as connection:
        return [(await api_keys.insert(connection, owner=OWNER, requests_per_minute=100_000))[0] for _ in range(count)]


async def _jobs(database: Database, count: int) -> list[UUID]:
    async with database.transaction() as connection:
        # the account's snapshot would show the jobs of the last round otherwise
        await connection.execute(text("DELETE FROM jobs"))
        made = [await _job(connection) for _ in range(count)]
        await connection.execute(text("UPDATE jobs SET status = 'processing'"))
        return made


async def _job(connection: AsyncConnection) -> UUID:
    nothing = dict.fromkeys(
        ("workflow", "model", "ticket_id", "parent_id", "root_id", "dialog_id", "run_at", "deadline")
    )
    given: dict[str, Any] = {
        "kind": "generate_reply",
        "owner": OWNER,
        "input": {"persona": "lina", "user_message": "Hello"},
    }
    values: dict[str, Any] = {
        "queue": "llm",
        "priority": 0,
        "turn": 0,
        "destination": {},
        "metadata": {},
        **given,
        **nothing,
    }
    return (await job_rows.insert(connection, id=uuid4(), **values)).id


def _resident(child: Child) -> int:
    """Bytes."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
