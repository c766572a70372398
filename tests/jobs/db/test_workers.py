"""Who is alive, what they serve, and what is in their hands."""

from jobs.db.queue import workers
from jobs.db.queue.workers import LiveWorker
from jobs.db.session import Database
from jobs.enqueue import Ticket, enqueue
from tests.factories import execute, submit, worker

REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}


async def living(database: Database) -> list[LiveWorker]:
    async with database.transaction() as connection:
        return await workers.living(connection)


async def add_worker(database: Database, number: int, queues: str, *, silent: int = 0) -> None:
    await execute(
        database,
        "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE"
        f" VALUES ({number}, now() - interval '{silent} seconds')",
        "INSERT INTO workers (id, name, queues, host, pid)"
        f" VALUES ({number}, 'worker-{number}', '{{{queues}}}', 'box', {1000 + number})",
    )


async def test_who_serves_what_and_where(database: Database) -> None:
    await add_worker(database, 1, "gpu-0,llm", silent=4)
    await add_worker(database, 2, "telegram")
    first, second = await living(database)
    assert (first.id, first.name, first.queues, first.host, first.pid) == (
        1, "worker-1", ["gpu-0", "llm"], "box", 1001,
    )  # fmt: skip
    assert first.started_at is not None
    assert 4 <= first.heartbeat_seconds < 25
    assert first.serves("llm")
    assert not first.serves("telegram")
    assert second.running == []


async def test_a_silent_worker_is_not_listed(database: Database) -> None:
    await add_worker(database, 1, "llm", silent=31)
    assert await living(database) == []


async def test_a_worker_without_named_queues_serves_all(database: Database) -> None:
    await add_worker(database, 1, "")
    [found] = await living(database)
    assert found.serves("gpu-3")


async def test_a_worker_that_has_not_said_who_it_is_counts_but_serves_nothing_we_know_of(database: Database) -> None:
    await execute(database, "INSERT INTO procrastinate_workers DEFAULT VALUES")
    [found] = await living(database)
    assert (found.name, found.queues, found.serves("llm")) == (None, None, False)


async def test_what_each_has_in_hand(database: Database) -> None:
    await add_worker(database, 1, "llm,telegram,housekeeping")
    await add_worker(database, 2, "llm")
    async with worker(database) as resources:
        taken = await submit(resources, "generate_reply", REPLY)
        await submit(resources, "generate_reply", REPLY)
    async with database.transaction() as connection:
        tickets = [Ticket("deliver", {"delivery_id": 5}, "telegram"), Ticket("sweep", {"timestamp": 1}, "housekeeping")]
        others = await enqueue(connection, tickets)
    held = ", ".join(str(ticket) for ticket in (taken.ticket_id, *others))
    await execute(
        database,
        f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1 WHERE id IN ({held})",
        "UPDATE procrastinate_events SET at = at - interval '1 minute' WHERE type = 'started'",
    )
    first, second = await living(database)
    assert [(each.kind, each.queue, each.job_id, each.delivery_id) for each in first.running] == [
        ("generate_reply", "llm", taken.id, None),
        ("delivery", "telegram", None, 5),
        ("sweep", "housekeeping", None, None),
    ]
    assert all(60 <= each.seconds < 90 for each in first.running)
    assert second.running == [], "a waiting ticket is in nobody's hand"


async def test_seconds_count_from_the_last_start(database: Database) -> None:
    """A job that was given back had been in other hands before."""
    await add_worker(database, 1, "llm")
    async with worker(database) as resources:
        await submit(resources, "generate_reply", REPLY)
    await execute(
        database,
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1",
        "UPDATE procrastinate_events SET at = at - interval '1 hour'",
        "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL",
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1",
    )
    [found] = await living(database)
    assert found.running[0].seconds < 60
