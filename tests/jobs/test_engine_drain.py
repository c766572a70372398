"""How does a worker live, and how does it leave?"""

import asyncio

import pytest

from jobs.engine.indexes import index_name
from tests.jobs.queue_probe import ProbeApp, defer, listening, make_app, rows, running, tickets, until

HEARTBEAT = "SELECT extract(epoch FROM now() - last_heartbeat)::float AS age, id FROM procrastinate_workers"
CANCEL = "SELECT procrastinate_cancel_job_v1(%s, true, true)"
HANG_UP = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'postgen queue'"


@pytest.fixture
def app(database_url: str) -> ProbeApp:
    return make_app(database_url)


async def beats(app: ProbeApp) -> None:
    """Wait for one more heartbeat."""
    [before] = await rows(app.diary.url, "SELECT last_heartbeat FROM procrastinate_workers")

    async def newer() -> bool:
        [now] = await rows(app.diary.url, "SELECT last_heartbeat FROM procrastinate_workers")
        return bool(now["last_heartbeat"] > before["last_heartbeat"])

    await until(newer)


async def test_h4_a_draining_worker_keeps_its_heartbeat_and_hears_cancellations(app: ProbeApp) -> None:
    ticket = await defer(app, "obedient")
    async with running(app, ["llm"], update_heartbeat_interval=0.1, shutdown_graceful_timeout=30.0) as worker:
        await until(lambda: app.diary.of("began"))
        await until(lambda: listening(app.diary.url))
        worker.stop()
        await asyncio.sleep(0.1)
        await beats(app)
        await rows(app.diary.url, CANCEL, ticket)
        await until(lambda: app.diary.of("cancelled"))
    assert await tickets(app.diary.url) == {}


async def test_h7_what_outlives_the_grace_time_goes_back_at_once_and_another_worker_hears_of_it(app: ProbeApp) -> None:
    ticket = await defer(app, "slow", seconds=30)
    other = make_app(app.diary.url)
    async with running(app, ["llm"], shutdown_graceful_timeout=0.1) as leaving:
        await until(lambda: app.diary.of("began"))
        async with running(other, ["llm"], fetch_job_polling_interval=60.0, shutdown_graceful_timeout=0.0) as staying:
            await until(lambda: staying.worker_id)
            await asyncio.sleep(0.2)
            leaving.stop()
            await until(lambda: other.diary.of("began") == [ticket])
    assert app.diary.of("cancelled") == [ticket]
    [row] = await rows(app.diary.url, "SELECT status::text, worker_id, attempts FROM procrastinate_jobs")
    assert row == {"status": "todo", "worker_id": None, "attempts": 0}


async def test_a_ticket_that_ends_within_the_grace_time_is_done(app: ProbeApp) -> None:
    await defer(app, "slow", seconds=0.3)
    async with running(app, ["llm"]) as worker:
        await until(lambda: app.diary.of("began"))
        await defer(app, "quick")
        worker.stop()
    assert app.diary.of("ended")
    assert set((await tickets(app.diary.url)).values()) <= {"todo"}


async def test_a_stopping_worker_starts_nothing_new(app: ProbeApp) -> None:
    async with running(app, ["llm"]) as worker:
        await until(lambda: worker.worker_id)
        worker.stop()
        ticket = await defer(app, "quick")
        await asyncio.sleep(0.1)
    assert await tickets(app.diary.url) == {ticket: "todo"}


async def test_a_worker_whose_row_was_removed_takes_its_place_again(app: ProbeApp) -> None:
    async with running(app, ["llm"], update_heartbeat_interval=0.1) as worker:
        await until(lambda: worker.worker_id)
        await rows(app.diary.url, "DELETE FROM procrastinate_workers")
        await until(lambda: rows(app.diary.url, HEARTBEAT))
        [row] = await rows(app.diary.url, HEARTBEAT)
        assert row["id"] == worker.worker_id


async def test_h1_h2_lost_connections_end_no_worker_and_lose_no_wake_up(app: ProbeApp) -> None:
    async with running(app, ["llm"], fetch_job_polling_interval=60.0, update_heartbeat_interval=0.2):
        await until(lambda: listening(app.diary.url))
        await rows(app.diary.url, HANG_UP)
        await defer(app, "quick")
        await until(lambda: app.diary.of("ran"))
        await until(lambda: listening(app.diary.url))
        await beats(app)
        await defer(app, "quick")
        await until(lambda: len(app.diary.of("ran")) == 2)


async def test_a_missing_index_is_made_and_a_broken_one_replaced(app: ProbeApp) -> None:
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    index = f'"{index_name("new")}"'
    async with running(app, ["llm", "new"]):
        await until(lambda: rows(app.diary.url, valid, index))
        await until(lambda: is_valid(app, index))
    await rows(app.diary.url, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", index)
    async with running(app, ["llm", "new"]):
        await until(lambda: is_valid(app, index))
    [row] = await rows(app.diary.url, "SELECT pg_get_indexdef(to_regclass(%s)) AS definition", index)
    assert "(priority DESC, id)" in row["definition"]
    assert "'new'" in row["definition"]


async def is_valid(app: ProbeApp, index: str) -> bool:
    found = await rows(app.diary.url, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", index)
    return bool(found and found[0]["indisvalid"])


async def test_without_the_right_to_make_indexes_a_worker_works_all_the_same(
    app: ProbeApp, caplog: pytest.LogCaptureFixture
) -> None:
    await rows(app.diary.url, "DROP OWNED BY humble; DROP ROLE humble" if await has_humble(app) else "SELECT 1")
    await rows(app.diary.url, "CREATE ROLE humble LOGIN PASSWORD 'humble'")
    try:
        await rows(app.diary.url, "GRANT ALL ON ALL TABLES IN SCHEMA public TO humble")
        await rows(app.diary.url, "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO humble")
        address = app.diary.url.rsplit("@", 1)[1]
        humble = make_app(f"postgresql://humble:humble@{address}")
        await defer(app, "quick", "new")
        async with running(humble, ["new"]):
            await until(lambda: humble.diary.of("ran"))
            await until(lambda: "no index for the queue new" in caplog.text)
    finally:
        await rows(app.diary.url, "DROP OWNED BY humble")
        await rows(app.diary.url, "DROP ROLE humble")


async def has_humble(app: ProbeApp) -> bool:
    return bool(await rows(app.diary.url, "SELECT 1 AS one FROM pg_roles WHERE rolname = 'humble'"))


async def test_h10_a_worker_row_is_removed_through_an_index(app: ProbeApp) -> None:
    """Without it, starting and stopping would read the whole table of tickets."""
    async with app.open_async():
        plan = await app.queue_connector.run(
            "EXPLAIN UPDATE procrastinate_jobs SET worker_id = NULL WHERE worker_id = 7"
        )
    assert "postgen_worker" in str(plan)


async def test_periodic_tickets_are_made_only_where_they_are_consumed(app: ProbeApp) -> None:
    @app.periodic(cron="* * * * * *")
    @app.task(name="care", queue="housekeeping", queueing_lock="care")
    async def care(timestamp: int) -> None:
        app.diary.events.append((timestamp, "cared"))

    async with running(app, ["llm"]):
        await asyncio.sleep(1.7)
        assert await tickets(app.diary.url) == {}
    async with running(app, ["housekeeping"]):
        await until(lambda: app.diary.of("cared"))
