"""A worker dies with a job, its ticket waits for another worker, and just then the job's owner cancels it."""

from uuid import uuid4

from jobs import lifecycle
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.housekeeping import sweep_stalled
from jobs.kinds.contract import NewJob
from tests.factories import chat_texts, execute, job, rows, submit, tickets, to_chat, worker

SAID = {"persona": "lina", "user_message": "Hello"}


async def die_with(database: Database, *job_ids: object) -> None:
    """As `kill -9` leaves it: the jobs are held by runs that are no more, and the sweep gave their tickets back."""
    async with database.transaction() as connection:
        for job_id in job_ids:
            await job_rows.claim(connection, job_id, uuid4())  # type: ignore[arg-type] # ids of jobs
    await execute(database, "UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'run_job'")
    assert await sweep_stalled(database) >= len(job_ids)


async def waiting(database: Database) -> list[str]:
    return [each["args"]["job_id"] for each in await tickets(database) if each["task_name"] == "run_job"]


async def test_a_job_cancelled_between_two_workers_was_left_without_a_ticket(database: Database) -> None:
    """It stayed `processing` for ever: nobody would run it again, and so nobody would end it."""
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", SAID, destination=to_chat())
        await die_with(database, made.id)
        async with database.transaction() as connection:
            await resources.intake.cancel(connection, made.id, made.owner)
        assert await waiting(database) == [str(made.id)], "somebody must end it"
        await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "cancelled"
    assert len(await chat_texts(database)) == 1


async def test_a_step_cancelled_between_two_workers_was_left_without_a_ticket(database: Database) -> None:
    async with worker(database) as resources:
        root = await submit(resources, "broadcast", {"broadcast_id": 1}, owner="bot")
        part = {"broadcast_id": 1, "after": 0, "until": 1}
        step = NewJob("broadcast_part", part, root.owner, stage="send")
        async with database.transaction() as connection:
            held = await job_rows.claim(connection, root.id, uuid4())
            assert held is not None
            children = await resources.intake.submit_children(connection, held, [step])
            await connection.exec_driver_sql("UPDATE jobs SET ran_at = now(), run_token = NULL WHERE parent_id IS NULL")
        await execute(database, "DELETE FROM procrastinate_jobs WHERE id = (SELECT min(id) FROM procrastinate_jobs)")
        await die_with(database, children[0].id)
        async with database.transaction() as connection:
            await resources.intake.cancel(connection, root.id, root.owner)
        assert await waiting(database) == [str(children[0].id)]
        await lifecycle.run_job(resources, children[0].id)
    statuses = [row["status"] for row in await rows(database, "SELECT status FROM jobs")]
    assert statuses == ["cancelled", "cancelled"]
