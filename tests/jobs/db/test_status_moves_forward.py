"""pending → processing → one end: enforced by the database itself, for whoever writes."""

from itertools import product

import pytest
from sqlalchemy.exc import IntegrityError

from jobs.db.session import Database
from tests.factories import execute, value

STATUSES = ("pending", "processing", "completed", "failed", "cancelled", "expired")
ENDS = {"completed", "failed", "cancelled", "expired"}
# a job that is cancelled, too late or answered at once never runs
FORWARD = {("pending", status) for status in {"processing", *ENDS}} | {("processing", end) for end in ENDS}
STAY = {(status, status) for status in STATUSES}
# only a person's retry of an unsuccessful job leads back
RETRY = {(end, "pending") for end in ("failed", "cancelled", "expired")}
# and a root whose own run is over waits for its steps again, also if it lacked some of them
GO_ON = {(end, "processing") for end in ("failed", "cancelled", "expired")}


async def moves(database: Database, old: str, new: str, extra: str = "", *, ran: bool = False) -> bool:
    await execute(
        database,
        "INSERT INTO jobs (kind, owner, queue, status, ran_at)"
        f" VALUES ('k', 'o', 'llm', '{old}', {'now()' if ran else 'NULL'})",
    )
    try:
        await execute(database, f"UPDATE jobs SET status = '{new}'{extra}")
    except IntegrityError:
        assert await value(database, "SELECT status FROM jobs") == old
        return False
    else:
        return True
    finally:
        await execute(database, "DELETE FROM jobs")


async def test_all_36_moves(database: Database) -> None:
    allowed = {(old, new) for old, new in product(STATUSES, STATUSES) if await moves(database, old, new)}
    assert allowed == FORWARD | STAY


async def test_all_36_moves_of_a_retry(database: Database) -> None:
    counted = ", retries = retries + 1"
    allowed = {(old, new) for old, new in product(STATUSES, STATUSES) if await moves(database, old, new, counted)}
    assert allowed == FORWARD | STAY | RETRY


async def test_all_36_moves_of_a_root_that_has_run(database: Database) -> None:
    counted = ", retries = retries + 1"
    moved = {each for each in product(STATUSES, STATUSES) if await moves(database, *each, ran=True)}
    assert moved == FORWARD | STAY
    moved = {each for each in product(STATUSES, STATUSES) if await moves(database, *each, counted, ran=True)}
    assert moved == FORWARD | STAY | GO_ON
    assert not await moves(database, "failed", "processing", f"{counted}, ran_at = now() + interval '1 hour'", ran=True)
    await execute(
        database,
        "INSERT INTO jobs (kind, owner, queue, status, ran_at, partial)"
        " VALUES ('k', 'o', 'llm', 'completed', now(), true)",
        f"UPDATE jobs SET status = 'processing', partial = false{counted}",
    )


@pytest.mark.parametrize("extra", [", retries = retries + 2", ", retries = retries - 1"])
async def test_a_retry_counts_one(database: Database, extra: str) -> None:
    assert not await moves(database, "failed", "pending", extra)


async def test_no_other_word_is_a_status(database: Database) -> None:
    assert not await moves(database, "pending", "doing")
