"""Do the tickets of workers that are gone come back, and only theirs?"""

from typing import Any

from sqlalchemy import text

from jobs.db.session import Database
from jobs.housekeeping import prune, sweep_stalled
from tests.jobs.queue_probe import listening, make_app, rows, running, tickets, until

TICKET = (
    "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, queueing_lock, abort_requested)"
    " VALUES ('llm', 'quick', %s, %s, %s, %s) RETURNING id"
)


async def worker(url: str, silent_for: float) -> int:
    [row] = await rows(
        url, "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s))"
        " RETURNING id", silent_for,
    )  # fmt: skip
    found: int = row["id"]
    return found


async def ticket(url: str, worker_id: int | None, status: str = "doing", lock: str | None = None, **more: Any) -> int:
    [row] = await rows(url, TICKET, status, worker_id, lock, more.get("abort", False))
    found: int = row["id"]
    return found


async def uptime(url: str) -> float:
    [row] = await rows(url, "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float AS up")
    return float(row["up"])


async def test_h9_tickets_of_silent_and_of_vanished_workers_go_back(database: Database, database_url: str) -> None:
    silence = min(0.5, await uptime(database_url) / 2)
    dead, alive = await worker(database_url, 1000), await worker(database_url, 0)
    stalled = await ticket(database_url, dead, abort=True)
    lost = await ticket(database_url, None)
    held = await ticket(database_url, alive)
    assert await sweep_stalled(database, silence) == 2
    assert await tickets(database_url) == {stalled: "todo", lost: "todo", held: "doing"}
    assert await rows(database_url, "SELECT id FROM procrastinate_workers") == [{"id": alive}]


async def test_h9_nobody_is_taken_for_dead_right_after_the_database_itself_came_back(
    database: Database, database_url: str
) -> None:
    """It has heard nobody while it was away."""
    held = await ticket(database_url, await worker(database_url, 100_000))
    assert await sweep_stalled(database, await uptime(database_url) + 60) == 0
    assert await tickets(database_url) == {held: "doing"}


async def test_h9_a_ticket_without_any_worker_waits_for_no_silence(database: Database, database_url: str) -> None:
    lost = await ticket(database_url, None)
    assert await sweep_stalled(database, await uptime(database_url) + 60) == 1
    assert await tickets(database_url) == {lost: "todo"}


async def test_h9_a_waiting_twin_does_not_stop_the_sweep(database: Database, database_url: str) -> None:
    dead = await worker(database_url, 1000)
    await ticket(database_url, dead, lock="sweep")
    twin = await ticket(database_url, None, "todo", lock="sweep")
    other = await ticket(database_url, dead)
    assert await sweep_stalled(database, min(0.5, await uptime(database_url) / 2)) == 1
    assert await tickets(database_url) == {twin: "todo", other: "todo"}


async def test_h9_a_ticket_that_goes_back_wakes_a_worker(database: Database, database_url: str) -> None:
    app = make_app(database_url, fetch_job_polling_interval=60.0)
    dead = await worker(database_url, 1000)
    stalled = await ticket(database_url, dead)
    async with running(app, ["llm"]):
        await until(lambda: listening(database_url))
        await sweep_stalled(database, min(0.5, await uptime(database_url) / 2))
        await until(lambda: app.diary.of("ran") == [stalled])


async def test_a_sweep_waits_for_nobody_who_holds_a_ticket(database: Database, database_url: str) -> None:
    busy, idle = await ticket(database_url, None), await ticket(database_url, None)
    async with database.transaction() as connection:
        await connection.execute(text("SELECT id FROM procrastinate_jobs WHERE id = :id FOR UPDATE"), {"id": busy})
        assert await sweep_stalled(database, 30) == 1
    assert await tickets(database_url) == {busy: "doing", idle: "todo"}


async def test_ended_tickets_are_forgotten_after_days_and_open_ones_never(
    database: Database, database_url: str
) -> None:
    old = {status: await ticket(database_url, None, status) for status in ("todo", "doing", "failed", "aborted")}
    await rows(
        database_url, "INSERT INTO procrastinate_events (job_id, type, at)"
        " SELECT id, 'deferred', now() - interval '73 hours' FROM procrastinate_jobs"
    )  # fmt: skip
    await rows(database_url, "DELETE FROM procrastinate_events WHERE at > now() - interval '72 hours'")
    young = await ticket(database_url, None, "failed")
    await rows(database_url, "INSERT INTO procrastinate_events (job_id, type) VALUES (%s, 'failed')", young)
    await prune(database)
    assert await tickets(database_url) == {old["todo"]: "todo", old["doing"]: "doing", young: "failed"}
