"""The database restarts, stays away, or loses its power, while tickets run."""

import asyncio
import time

import pytest

from jobs.connections import Patience
from sandbox.postgres import EmbeddedPostgres
from tests.jobs.queue_probe import ProbeApp, defer, listening, make_app, rows, running, tickets, until

# nothing but a wake-up starts a ticket within these tests
NEVER_LOOK = 120.0


async def story(app: ProbeApp, server: EmbeddedPostgres, away: float, *, crash: bool = False) -> float:
    """A ticket runs while the database goes away and comes back; seconds until the next one starts after that."""
    url = app.diary.url
    runs = await defer(app, "slow", seconds=away / 2)
    outlives = await defer(app, "slow", seconds=away + 0.5)
    async with running(app, ["llm"]) as worker:
        await until(lambda: len(app.diary.of("began")) == 2)
        await until(lambda: listening(url))
        await asyncio.to_thread(server.kill if crash else server.stop)
        await asyncio.sleep(away)
        await asyncio.to_thread(server.start)
        await until(lambda: listening(url), 10)
        await until(lambda: nothing_runs(url), 10)
        [row] = await rows(
            url, "SELECT extract(epoch FROM now() - last_heartbeat)::float AS age FROM procrastinate_workers"
        )
        assert row["age"] < 2
        assert worker.worker_id
        assert sorted(app.diary.of("ended")) == [runs, outlives], "each ended once"
        started = time.perf_counter()
        await defer(app, "quick")
        await until(lambda: app.diary.of("ran"))
        return app.diary.times[-1] - started


async def nothing_runs(url: str) -> bool:
    return await tickets(url) == {}


@pytest.fixture
def app(url: str) -> ProbeApp:
    return make_app(url, patience=Patience(), fetch_job_polling_interval=NEVER_LOOK, update_heartbeat_interval=0.5)


async def test_h1_h2_a_restart_of_the_database_ends_no_worker(app: ProbeApp, server: EmbeddedPostgres) -> None:
    print(f"\nnext ticket started {await story(app, server, away=0.4) * 1000:.0f} ms after its commit began")


async def test_h2_the_same_with_periodic_tasks(app: ProbeApp, server: EmbeddedPostgres) -> None:
    @app.periodic(cron="* * * * * *")
    @app.task(name="care", queue="housekeeping", queueing_lock="care")
    async def care(timestamp: int) -> None:
        app.diary.events.append((timestamp, "cared"))

    async with running(app, ["housekeeping"]):
        await until(lambda: app.diary.of("cared"))
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        seen = len(app.diary.of("cared"))
        await until(lambda: len(app.diary.of("cared")) >= seen + 2)


async def test_h3_h5_a_crash_of_the_database_loses_no_ticket(app: ProbeApp, server: EmbeddedPostgres) -> None:
    """What the crash forgot may run again: at least once, and no ticket stays behind."""
    url = app.diary.url
    made = [await defer(app, "slow", seconds=0.05 * n) for n in range(8)]
    async with running(app, ["llm"], fetch_job_polling_interval=0.2):
        await until(lambda: len(app.diary.of("ended")) >= 3)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        await until(lambda: nothing_runs(url), 20)
    assert set(app.diary.of("ended")) == set(made)


async def test_h3_the_database_is_away_for_a_while(app: ProbeApp, server: EmbeddedPostgres) -> None:
    await story(app, server, away=3)


@pytest.mark.slow
async def test_h3_the_database_is_away_for_fifteen_seconds(app: ProbeApp, server: EmbeddedPostgres) -> None:
    print(f"\nnext ticket started {await story(app, server, away=15) * 1000:.0f} ms after its commit began")
