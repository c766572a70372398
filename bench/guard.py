"""What does the guard cost a healthy call of a provider, and how often is a broken provider asked?"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import Any

import psycopg
from sqlalchemy import text

from bench import guard_outage
from bench.children import Failed
from bench.figures import Figure, milliseconds, spread, within
from bench.ground import Ground
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.errors import PostgenError, TemporaryError
from jobs.guard.call import Caller, Target
from jobs.guard.guard import Guard
from jobs.guard.settings import GuardSettings
from jobs.settings import DatabaseSettings

TITLE = "guard: the cost of a healthy call, and the calls that an outage gets"
SLOWEST_P50 = 0.0015
# how many at a time, and how many seconds each takes
PAUSES = {1: 0.0, 16: 0.25}
EMPTY = text("SELECT 1")
PROCESSES, TASKS = 4, 4
OUTAGE = 10.0
TARGET = Target("venice", "llm", "tiny")
JOB = (
    "INSERT INTO jobs (id, kind, owner, queue) SELECT gen_random_uuid(), 'generate_reply', 'api:bench', 'llm'"
    " RETURNING id"
)


@dataclass
class Times:
    enter: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)


async def measure(ground: Ground) -> list[Figure]:
    calls = 500 if ground.quick else 3000
    figures = []
    with ground.database() as url:
        for concurrent in PAUSES:
            figures += await _healthy(url, concurrent, calls)
    with ground.database() as url:
        figures.append(await _outage(url))
    return [*figures, *await guard_outage.measure(ground)]


async def _healthy(url: str, concurrent: int, calls: int) -> list[Figure]:
    database = Database(DatabaseSettings(database_url=url), pool_size=2 * concurrent)
    settings = GuardSettings(max_concurrent_llm_requests=20, venice_max_concurrent=20, venice_daily_calls=10**9)
    times = Times()
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(JOB.encode()).fetchone()
        assert row
    # many calls for one job are the worst case: they count on one row
    caller = Caller(root_id=row[0])
    settings = settings.model_copy(update={"max_llm_calls_per_job": 10**9})
    try:
        async with Guard(database, settings) as guard:
            await _calls(guard, caller, concurrent, 20 * concurrent, Times())
            started = time.perf_counter()
            await _calls(guard, caller, concurrent, calls, times)
            seconds = time.perf_counter() - started
    finally:
        await database.aclose()
    how = (
        f"{calls} calls of about {milliseconds(PAUSES[concurrent])}, {concurrent} at a time in one process, for "
        "one job and one provider, with all limits set: breaker, a slot of the sort and of the provider, the day's and "
        "the job's budget; PostgreSQL durable, over TCP"
    )
    name = f"before the call, {concurrent} at a time"
    figures = [Figure("", "", how), within(name, times.enter, SLOWEST_P50)]
    figures.append(Figure("  SELECT 1 just before it", spread(times.empty)))
    figures.append(Figure("  after it", spread(times.after)))
    return [*figures, Figure("  calls a second", f"{calls / seconds:.0f}")]


async def _calls(guard: Guard, caller: Caller, concurrent: int, calls: int, times: Times) -> None:
    pause = PAUSES[concurrent]

    async def some(count: int) -> None:
        for _ in range(count):
            await _settled(guard, concurrent)
            times.empty.append(await _empty_statement(guard))
            started = time.perf_counter()
            async with guard.call(TARGET, caller):
                times.enter.append(time.perf_counter() - started)
                await asyncio.sleep(random.uniform(0.5, 1.5) * pause)
                answered = time.perf_counter()
            times.after.append(time.perf_counter() - answered)
            caller.calls.clear()

    await asyncio.gather(*(some(calls // concurrent) for _ in range(concurrent)))


async def _settled(guard: Guard, concurrent: int) -> None:
    """One at a time means that the last one is over, also for PostgreSQL."""
    while concurrent == 1 and guard.ledger.leaving:
        await asyncio.wait(guard.ledger.leaving)


async def _empty_statement(guard: Guard) -> float:
    started = time.perf_counter()
    async with guard.ledger.database.statement() as connection:
        await connection.execute(EMPTY)
    return time.perf_counter() - started


async def _outage(url: str) -> Figure:
    """Four processes of four callers each meet a provider that goes away for ten seconds."""
    context = get_context("spawn")
    down, stop, heard = context.Event(), context.Event(), context.Queue()
    workers = [
        context.Process(target=_caller_process, args=(url, down, stop, heard), daemon=True) for _ in range(PROCESSES)
    ]
    try:
        for worker in workers:
            worker.start()
        for _ in workers:
            await asyncio.to_thread(heard.get, timeout=60)
        await asyncio.sleep(2)
        down.set()
        await asyncio.sleep(OUTAGE)
        down.clear()
        back = time.time()
        await asyncio.sleep(10)
        stop.set()
        notes = [note for _ in workers for note in await asyncio.to_thread(heard.get, timeout=60)]
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    return _told(notes, back)


def _told(notes: Sequence[tuple[float, bool, bool]], back: float) -> Figure:
    failed = sorted(when for when, well, _ in notes if not well)
    probes = sorted(when for when, well, probe in notes if probe and not well)
    well_again = [when for when, well, _ in notes if well and when > back]
    if not failed or not well_again:
        raise Failed("The provider never failed, or was never well again.")
    leaked = len(failed) - len(probes)
    how = (
        f"{PROCESSES} processes with {TASKS} callers each call a provider of 20 ms without pause; for {OUTAGE:.0f} s "
        f"each call fails. {leaked} calls failed before it opened or were under way then; after that one probe each "
        f"after {', '.join(f'{when - failed[0]:.1f}' for when in probes)} s. Well again "
        f"{milliseconds(min(well_again) - back)} after the provider was"
    )
    intervals = _by_interval(probes)
    most = max(map(len, intervals), default=0)
    value = f"at most {most} probe in each of {len(intervals)} intervals, {leaked} others"
    well = most == 1 and leaked <= PROCESSES * TASKS + BreakerRules().threshold
    return Figure("calls to a provider that is down", value, how, "one probe each", well)


def _by_interval(probes: Sequence[float]) -> list[list[float]]:
    """Probes that are closer to each other than the breaker is ever open belong to the same time of its being open."""
    shortest = 0.9 * BreakerRules().first_open
    intervals: list[list[float]] = []
    for when in probes:
        if intervals and when - intervals[-1][-1] < shortest:
            intervals[-1].append(when)
        else:
            intervals.append([when])
    return intervals


def _caller_process(url: str, down: Event, stop: Event, heard: Any) -> None:
    asyncio.run(_callers(url, down, stop, heard))


async def _callers(url: str, down: Event, stop: Event, heard: Any) -> None:
    database = Database(DatabaseSettings(database_url=url))
    notes: list[tuple[float, bool, bool]] = []

    async def caller(guard: Guard) -> None:
        while not stop.is_set():
            try:
                async with guard.call(TARGET, Caller()) as call:
                    is_down, began = down.is_set(), time.time()
                    await asyncio.sleep(0.02)
                    notes.append((began, not is_down, call.entry.is_probe))
                    if is_down:
                        raise TemporaryError("It is down.")
            except PostgenError:
                await asyncio.sleep(random.uniform(0.05, 0.15))

    async with Guard(database, GuardSettings(), rules=BreakerRules(), patience=1.0) as guard:
        heard.put([])
        await asyncio.gather(*(caller(guard) for _ in range(TASKS)))
    await database.aclose()
    heard.put(notes)
