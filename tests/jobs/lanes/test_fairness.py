"""Who goes first: a person before a batch, and within a class the owner with the fewest waiting jobs."""

from jobs.db.gpu import lanes as lane_rows
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


def test_a_batch_that_waits_is_passed_by_a_limited_number_of_later_ones_whatever_their_priority() -> None:
    """Starvation has a bound: with a new person in the chat for every picture, the batch still gets its turn."""
    batch = ticket_priority(0, turn=5)
    passed_by = [turn for turn in range(6, 1000) if ticket_priority(10, turn) > batch]
    assert len(passed_by) == 99


def test_a_priority_fits_into_the_queues_column() -> None:
    assert ticket_priority(10**9, 0) < 2**31
    assert ticket_priority(-(10**9), 2_000_000_000) >= -(2**31)
