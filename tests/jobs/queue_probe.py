"""An App to try the engine with: its tasks write into the table `probe` what happened to them.

Also a program, for tests that kill a worker: `python -m tests.jobs.queue_probe queue,queue` with PROBE_* settings.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
from procrastinate import JobContext
from procrastinate.app import WorkerOptions
from psycopg.rows import dict_row

from jobs.connections import Patience
from jobs.connector import QueueConnector
from jobs.db.session import Database
from jobs.engine.app import QueueApp
from jobs.errors import TemporaryError
from jobs.housekeeping import sweep_stalled
from jobs.settings import DatabaseSettings

TABLE = (
    "CREATE TABLE IF NOT EXISTS probe (id bigserial PRIMARY KEY, ticket bigint, event text,"
    " at timestamptz DEFAULT clock_timestamp(), pid int)"
)
FAST: WorkerOptions = {
    "concurrency": 10,
    "fetch_job_polling_interval": 0.5,
    "delete_jobs": "successful",
    "update_heartbeat_interval": 0.3,
    "install_signal_handlers": False,
    "shutdown_graceful_timeout": 5.0,
}


class Diary:
    """What the tasks of one App went through: in memory, and in the table for those in another process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.events: list[tuple[int, str]] = []
        self.times: list[float] = []

    def note(self, context: JobContext, event: str) -> None:
        self.events.append((context.job.id or 0, event))
        self.times.append(time.perf_counter())

    def of(self, event: str) -> list[int]:
        return [ticket for ticket, name in self.events if name == event]


class ProbeApp(QueueApp):
    diary: Diary


def queue_room(queue: str, concurrency: int) -> int:
    return min(2, concurrency) if queue.startswith("gpu-") else concurrency


def make_app(url: str, *, patience: Patience | None = None, listen_url: str | None = None, **defaults: Any) -> ProbeApp:
    settings = DatabaseSettings(database_url=url, database_listen_url=listen_url)
    app = ProbeApp(
        connector=QueueConnector(lambda: settings, patience=patience or Patience(pause=0.2)),
        queue_room=queue_room,
        worker_defaults=cast(WorkerOptions, {**FAST, **defaults}),
    )
    app.diary = Diary(url)
    register(app)
    return app


def register(app: ProbeApp) -> None:
    diary = app.diary

    @app.task(name="quick", pass_context=True)
    async def quick(context: JobContext) -> None:
        diary.note(context, "ran")

    @app.task(name="slow", pass_context=True)
    async def slow(context: JobContext, seconds: float) -> None:
        diary.note(context, "began")
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            diary.note(context, "cancelled")
            raise
        diary.note(context, "ended")

    @app.task(name="obedient", pass_context=True)
    async def obedient(context: JobContext) -> None:
        """As a job does: ends by itself when its owner cancels it."""
        diary.note(context, "began")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            diary.note(context, "cancelled")

    @app.task(name="flaky", pass_context=True)
    async def flaky(context: JobContext, times: int, error: str = "infrastructure", retry_in: float = 0.0) -> None:
        diary.note(context, "tried")
        if context.job.attempts < times:
            if error == "temporary":
                raise TemporaryError("Not now.", retry_in=retry_in)
            raise psycopg.OperationalError("the database is away")

    @app.task(name="noted", pass_context=True)
    async def noted(context: JobContext, seconds: float = 0.0) -> None:
        """For tests that look from outside the process, and while the database may be away."""
        await write(diary.url, context, "began")
        await asyncio.sleep(seconds)
        await write(diary.url, context, "ended")


async def write(url: str, context: JobContext, event: str) -> None:
    for _ in range(300):
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                await connection.execute(
                    "INSERT INTO probe (ticket, event, pid) VALUES (%s, %s, %s)", (context.job.id, event, os.getpid())
                )
        except psycopg.OperationalError:
            await asyncio.sleep(0.1)
        else:
            return


@asynccontextmanager
async def running(app: ProbeApp, queues: list[str] | None = None, **options: Any) -> AsyncIterator[Any]:
    """A worker in this process, stopped at the end of the block."""
    async with app.open_async():
        worker = app._worker(queues=queues, **options)
        life = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await asyncio.wait_for(life, 30)


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Wait until `condition()` (plain or awaitable) is true. Fails when it never becomes so."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


async def rows(url: str, query: str, *parameters: Any) -> list[Any]:
    """What the database says, asked over a connection of the test's own."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, row_factory=dict_row) as connection:
        cursor = await connection.execute(query.encode(), parameters or None)
        return await cursor.fetchall() if cursor.description else []


async def tickets(url: str) -> dict[int, str]:
    return {row["id"]: row["status"] for row in await rows(url, "SELECT id, status FROM procrastinate_jobs")}


async def defer(app: ProbeApp, task: str, queue: str = "llm", lock: str | None = None, **arguments: Any) -> int:
    """A ticket made over a connection of the test's own: it works while the App is closed, too."""
    [row] = await rows(
        app.diary.url,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args) VALUES (%s, %s, %s, %s) RETURNING id",
        queue, task, lock, json.dumps(arguments),
    )  # fmt: skip
    ticket: int = row["id"]
    return ticket


async def listening(url: str) -> bool:
    """Whether a worker hears of new tickets by now."""
    asked = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
    return bool(await rows(url, asked))


def main() -> None:
    """PROBE_STALLED: seconds of silence after which tickets are swept. PROBE_GRACE: seconds to end after SIGTERM."""
    url = os.environ["DATABASE_URL"]
    app = make_app(url)

    @app.periodic(cron="* * * * * *")
    @app.task(name="sweep", queue="housekeeping", queueing_lock="sweep")
    async def sweep(timestamp: int) -> None:
        del timestamp
        database = Database(DatabaseSettings(database_url=url))
        await sweep_stalled(database, float(os.environ.get("PROBE_STALLED", "30")))
        await database.aclose()

    app.run_worker(
        queues=sys.argv[1].split(","),
        install_signal_handlers=True,
        shutdown_graceful_timeout=float(os.environ.get("PROBE_GRACE", "5")),
    )


if __name__ == "__main__":
    main()
