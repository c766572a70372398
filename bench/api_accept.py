"""How many jobs a second does the API accept, and how soon does it say so, beside a bare endpoint with one INSERT?"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

import psycopg

from bench import cpu
from bench.api_bare import TABLE
from bench.api_load import Load, offered
from bench.children import Child, Failed, until
from bench.figures import Figure, milliseconds
from bench.ground import Ground
from bench.ours import open_door
from jobs.db.access import api_keys
from jobs.db.session import Database
from jobs.settings import DatabaseSettings

TITLE = "api-accept: POST /v1/jobs until its 202"
CONNECTIONS = (1, 8, 32)
PROCESSES = (1, 2)
# uvicorn says it once in each of its processes
UP = "Application startup complete"


@dataclass(frozen=True)
class Contestant:
    """`repeatable`: each request has an Idempotency-Key. `table` holds what it accepted."""

    name: str
    app: str
    table: str
    repeatable: bool = False


BARE = Contestant("bare FastAPI, one INSERT", "bench.api_bare:app", "bare_jobs")
OURS = Contestant("ours", "api.app:app", "jobs")
REPEATABLE = Contestant("ours, Idempotency-Key", "api.app:app", "jobs", repeatable=True)
CONTESTANTS = (BARE, OURS, REPEATABLE)

STORED = {
    "bare_jobs": "SELECT id::text, true FROM bare_jobs",
    "jobs": "SELECT job.id::text, ticket.id IS NOT NULL FROM jobs job LEFT JOIN procrastinate_jobs ticket"
    " ON ticket.id = job.ticket_id AND ticket.args->>'job_id' = job.id::text AND ticket.queue_name = job.queue"
    " AND ticket.status = 'todo'",
}

HOW = (
    "uvicorn with --workers; closed loop of keep-alive connections from a process of its own, {seconds:g} s after 1 s"
    " of warm-up; one key, one kind, nobody works: the line only grows, to {jobs} jobs. Each commit is durable. In"
    " brackets the processor time per job in the app and in PostgreSQL, and the generator's share of a core: all of"
    " them share the cores"
)


@dataclass(frozen=True)
class Asked:
    """`cpu`: processor seconds that the app, and PostgreSQL, took for each job."""

    load: Load
    cpu: tuple[float, float]


Loads = dict[tuple[Contestant, int], Asked]


async def measure(ground: Ground) -> list[Figure]:
    seconds = 1.5 if ground.quick else 8
    figures: list[Figure] = []
    accepted: dict[str, list[str]] = {table: [] for table in STORED}
    with ground.database() as url:
        key = await _prepared(url)
        for processes in PROCESSES:
            loads = await _loads(ground, url, key, processes, seconds)
            for (contestant, _), asked in loads.items():
                accepted[contestant.table] += asked.load.ids
            figures += _table(loads, processes)
        for table, told in accepted.items():
            figures.append(_checked(table, told, _stored(url, table)))
    return [*figures, Figure("", "", HOW.format(seconds=seconds, jobs=len(accepted[OURS.table])))]


async def _prepared(url: str) -> str:
    """The key."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.encode())
    database = Database(DatabaseSettings(database_url=url))
    try:
        async with database.transaction() as connection:
            key, _ = await api_keys.insert(
                connection, owner="account:bench", requests_per_minute=api_keys.MOST_REQUESTS_PER_MINUTE
            )
    finally:
        await database.aclose()
    return key


async def _loads(ground: Ground, url: str, key: str, processes: int, seconds: float) -> Loads:
    """Both apps stand all the time and are asked in turns, so that they meet the same machine."""
    loads: Loads = {}
    async with contextlib.AsyncExitStack() as stack:
        doors = {app: await stack.enter_async_context(_door(ground, url, app, processes)) for app in _apps()}
        for connections in CONNECTIONS:
            for each in CONTESTANTS:
                child, port = doors[each.app]
                before = _spent(ground, child)
                load = await offered(ground, port, key, connections, seconds, repeatable=each.repeatable)
                after = _spent(ground, child)
                app, database = ((now - then) / len(load.ids) for now, then in zip(after, before, strict=True))
                loads[each, connections] = Asked(load, (app, database))
    return loads


def _apps() -> Iterable[str]:
    return dict.fromkeys(each.app for each in CONTESTANTS)


@contextlib.asynccontextmanager
async def _door(ground: Ground, url: str, app: str, processes: int) -> AsyncIterator[tuple[Child, int]]:
    """Once all of its processes are up: the first one would get every connection otherwise."""
    async with open_door(ground, app, ground.environment(url), f"--workers={processes}") as (child, port):
        await until(child, lambda: child.log.read_text().count(UP) >= processes, "start all of its processes")
        yield child, port


def _spent(ground: Ground, door: Child) -> tuple[float, float]:
    assert ground.postgres.process is not None, "started by us"
    return cpu.of_group(door.pid), cpu.of_children(ground.postgres.process.pid)


def _stored(url: str, table: str) -> dict[str, bool]:
    with psycopg.connect(url) as connection:
        return dict(connection.execute(STORED[table].encode()).fetchall())


def amiss(told: list[str], stored: Mapping[str, bool]) -> str:
    """What is wrong with what was accepted, in words. `told`: the ids in the 202s. `stored`: has each job a ticket?"""
    found = {
        "job(s) named in two answers": len(told) - len(set(told)),
        "without a row": len(set(told) - stored.keys()),
        "without a ticket": sum(not ticket for ticket in stored.values()),
        "row(s) that no 202 told of": len(stored.keys() - set(told)),
    }
    return ", ".join(f"{count} {what}" for what, count in found.items() if count)


def _checked(table: str, told: list[str], stored: Mapping[str, bool]) -> Figure:
    wrong = amiss(told, stored)
    if not told:
        raise Failed("Nothing was accepted at all.")
    what = "a job row and a ticket" if table == OURS.table else "a row"
    return Figure(f"{len(told)} times 202, in {table}", wrong or f"each has {what}", "", f"each has {what}", not wrong)


def _table(loads: Loads, processes: int) -> list[Figure]:
    figures = []
    for connections in CONNECTIONS:
        figures += [_figure(each, processes, connections, loads[each, connections]) for each in CONTESTANTS]
        bare = loads[BARE, connections].load.rate
        ratio = f"{loads[OURS, connections].load.rate / bare:.2f} of bare"
        figures.append(Figure("  ratio of rates", ratio))
    return figures


def _figure(each: Contestant, processes: int, connections: int, asked: Asked) -> Figure:
    load, (app, database) = asked.load, asked.cpu
    spent = f"[{milliseconds(app)} + {milliseconds(database)}; {load.cpu:.0%}]"
    value = f"{load.rate:.0f}/s  p50 {milliseconds(load.p50)}  p99 {milliseconds(load.p99)}  {spent}"
    return Figure(f"{each.name}, {processes} proc., {connections} conn.", value)
