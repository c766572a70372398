"""Who goes first: a person before a batch, and within a class the owner with the fewest waiting jobs."""

from jobs.db import lanes as lane_rows
from jobs.db.session import Database
from jobs.lanes.fairness import ticket_priority
from tests.factories import rows, submit, worker

PICTURE = {"prompt": "x"}


async def order(database: Database) -> list[str]:
    queue = await rows(database, "SELECT args->>'job_id' AS job_id FROM procrastinate_jobs ORDER BY priority DESC, id")
    return [row["job_id"] for row in queue]


async def test_a_batch_of_one_owner_does_not_delay_anothers_first_job(database: Database) -> None:
    async with worker(database) as resources:
        batch = [await submit(resources, "generate_image", PICTURE, owner="app:batch") for _ in range(6)]
        async with database.transaction() as connection:
            await lane_rows.register(connection, "gpu-0", "host")
            await lane_rows.serve(connection, "gpu-0", 2)  # the batch's second one runs
        first = await submit(resources, "generate_image", PICTURE, owner="app:other")
        second = await submit(resources, "generate_image", PICTURE, owner="app:other")
    expected = [*batch[:3], first, batch[3], second, *batch[4:]]
    assert await order(database) == [str(each.id) for each in expected]


async def test_a_person_in_a_chat_goes_before_a_batch(database: Database) -> None:
    async with worker(database) as resources:
        await submit(resources, "generate_image", PICTURE, owner="app:batch")
        person = await submit(resources, "generate_image", PICTURE, owner="telegram:7", priority=10)
    assert (await order(database))[0] == str(person.id)


def test_a_priority_fits_into_the_queues_column_and_classes_never_meet() -> None:
    assert ticket_priority(10**9, 0) < 2**31
    assert ticket_priority(-(10**9), 99_999_999) >= -(2**31)
    assert ticket_priority(1, 99_999_999) > ticket_priority(0, 0)
