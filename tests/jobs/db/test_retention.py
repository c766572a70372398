"""How long the rows are kept that no date of expiry stands in."""

from jobs.db import retention
from jobs.db.session import Database
from tests.factories import execute, rows


async def test_renders_are_kept_for_eight_days(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO renders (queue, workflow, outcome, seconds, finished_at) VALUES"
        " ('gpu-0', 'old', 'completed', 1, now() - interval '8 days 1 minute'),"
        " ('gpu-0', 'young', 'completed', 1, now() - interval '7 days 23 hours')",
    )
    gone = await retention.forget_rows(database, 1)
    assert gone["renders"] == 1
    assert await rows(database, "SELECT workflow FROM renders") == [{"workflow": "young"}]


async def test_more_than_one_chunk_of_renders_goes_at_once(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO renders (queue, workflow, outcome, seconds, finished_at) SELECT 'gpu-0', 'w', 'completed', 1,"
        f" now() - interval '9 days' FROM generate_series(1, {retention.CHUNK + 1})",
    )
    assert (await retention.forget_rows(database, 1))["renders"] == retention.CHUNK + 1
    assert await rows(database, "SELECT id FROM renders") == []
