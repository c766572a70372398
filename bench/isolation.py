"""Does another queue's backlog, or our own history, slow down a queue's fetch?"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
from procrastinate import App, PsycopgConnector

from bench.figures import Figure, median, milliseconds, spread, within
from bench.ground import STOCK_TEMPLATE, TEMPLATE, Ground
from bench.ours import open_intake
from bench.updates import TEXT
from jobs.connector import QueueConnector
from jobs.db.session import Database
from jobs.engine import fetch as engine_fetch
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings

TITLE = "isolation: one fetch of a queue with 200 tickets while another queue is full"
SLOWEST = 0.002
# between an empty and a full neighbour; below a millisecond the machine's own noise decides
FLAT_TIMES, NOISE = 1.5, 0.0005
OWN = 200
# stock takes its time with these
MANY, FEW = 100_000, 40
OWN_QUEUE, OTHER_QUEUE = "llm", "world"
SUBMITS = 100

TICKETS = """
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args, status)
SELECT %(queue)s, 'noop', 0, '{}', 'todo' FROM generate_series(1, %(count)s)
"""
WAITING = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = %(queue)s"
REGISTER = "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"
FINISHED = """
INSERT INTO jobs (kind, owner, status, input, result, queue, started_at, finished_at, expires_at, event_seq)
SELECT 'generate_reply', 'telegram:' || n %% 5000, 'completed', '{"persona": "lina", "user_message": "Hello"}',
       '{"reply": "Lovely, and yours?"}', 'llm', now(), now(), now() + interval '7 days', 3
  FROM generate_series(1, %(count)s) AS n
"""
EVENTS = """
INSERT INTO job_events (job_id, owner, seq, type)
SELECT id, owner, seq, 'job.event' FROM jobs, generate_series(1, 3) AS seq WHERE status = 'completed'
"""

Fetch = Callable[[], Awaitable[object]]


async def measure(ground: Ground) -> list[Figure]:
    backlogs = [0, 10_000, 100_000] if ground.quick else [0, 10_000, 100_000, 500_000]
    finished = 100_000 if ground.quick else 1_000_000
    with ground.database(TEMPLATE) as url:
        async with our_fetch(url) as fetch:
            ours = {backlog: await _fetches(url, fetch, backlog, OWN) for backlog in backlogs}
            fresh = await _submits(url)
            await asyncio.to_thread(_add_history, url, finished)
            aged = await _fetches(url, fetch, backlogs[-1], OWN)
        old = await _submits(url)
    with ground.database(STOCK_TEMPLATE) as url:
        async with stock_fetch(url) as fetch:
            stock = {
                backlog: await _fetches(url, fetch, backlog, OWN if backlog < MANY else FEW) for backlog in backlogs
            }
    return _table(ours, stock, aged, fresh, old, finished)


@asynccontextmanager
async def our_fetch(url: str) -> AsyncIterator[Fetch]:
    """As the worker does it: its connector, its settings, its statement."""
    connector = QueueConnector(lambda: DatabaseSettings(database_url=url))
    await connector.open_async()
    worker_id = _worker(url)
    statement = engine_fetch.statement({OWN_QUEUE: 1})

    async def fetch() -> object:
        return await connector.run(statement, worker_id=worker_id)

    try:
        yield fetch
    finally:
        await connector.close_async()


@asynccontextmanager
async def stock_fetch(url: str) -> AsyncIterator[Fetch]:
    app = App(connector=PsycopgConnector(conninfo=url))
    worker_id = _worker(url)
    async with app.open_async():

        async def fetch() -> object:
            return await app.job_manager.fetch_job(queues=[OWN_QUEUE], worker_id=worker_id)

        yield fetch


async def _fetches(url: str, fetch: Fetch, backlog: int, times: int) -> list[float]:
    """Seconds of each fetch; every one finds a ticket."""
    await asyncio.to_thread(_fill, url, backlog)
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        found = await fetch()
        seconds.append(time.perf_counter() - started)
        assert found, "its own queue has tickets"
    return seconds


def _fill(url: str, backlog: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        # neither announced nor written down as events: only what a fetch reads is wanted
        connection.execute(b"SET session_replication_role = replica")
        connection.execute(b"DELETE FROM procrastinate_jobs WHERE queue_name = %s", (OWN_QUEUE,))
        row = connection.execute(WAITING.encode(), {"queue": OTHER_QUEUE}).fetchone()
        missing = backlog - (row[0] if row else 0)
        for queue, count in ((OTHER_QUEUE, missing), (OWN_QUEUE, OWN)):
            connection.execute(TICKETS.encode(), {"queue": queue, "count": count})
        connection.execute(b"VACUUM ANALYZE procrastinate_jobs")
        connection.execute(b"CHECKPOINT")


def _add_history(url: str, count: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(b"SET session_replication_role = replica")
        connection.execute(FINISHED.encode(), {"count": count})
        connection.execute(EVENTS.encode())
        for table in (b"jobs", b"job_events"):
            connection.execute(b"VACUUM ANALYZE " + table)
        connection.execute(b"CHECKPOINT")


async def _submits(url: str) -> list[float]:
    """Seconds of each job's whole transaction in."""
    database = Database(DatabaseSettings(database_url=url))
    intake = open_intake()
    seconds = []
    try:
        for _ in range(SUBMITS):
            started = time.perf_counter()
            async with database.transaction() as connection:
                given = {"persona": "lina", "user_message": TEXT}
                await intake.submit(connection, NewJob("generate_reply", given, "api:bench"))
            seconds.append(time.perf_counter() - started)
    finally:
        await database.aclose()
    return seconds


def _worker(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(REGISTER.encode()).fetchone()
        assert row is not None, "an INSERT returns its row"
        return int(row[0])


def _table(
    ours: dict[int, list[float]], stock: dict[int, list[float]], aged: list[float], fresh: list[float],
    old: list[float], finished: int,
) -> list[Figure]:  # fmt: skip
    base = median(ours[0])
    labels = {f"{backlog:,}": ours[backlog] for backlog in ours} | {
        f"{max(ours):,} and {finished:,} finished jobs": aged
    }
    figures = [within(f"ours, beside {label}", seconds, SLOWEST) for label, seconds in labels.items()]
    worst = max(median(seconds) for seconds in labels.values())
    flat = worst <= base * FLAT_TIMES + NOISE
    figures.append(Figure("  slowest of these p50 to the first", f"{worst / base:.2f} times", "", "flat", flat))
    figures += [Figure(f"stock, beside {backlog:,}", spread(stock[backlog])) for backlog in stock]
    figures.append(Figure("submit of a job, no finished ones", spread(fresh)))
    figures.append(Figure(f"submit of a job, {finished:,} finished ones", spread(old)))
    how = (
        f"client's time of one fetch that finds a ticket, {OWN} in a row (stock: {FEW} from {MANY:,} on), tables just "
        "analysed. Ours through jobs.connector with the engine's statement (a commit that is not waited for), stock "
        "through procrastinate's own App and schema (a durable commit). Backlog and history by generate_series, no "
        f"triggers. Flat: at most {FLAT_TIMES} times the first, and {milliseconds(NOISE)} for the noise"
    )
    return [*figures, Figure("", "", how)]
