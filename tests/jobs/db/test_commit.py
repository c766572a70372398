"""Which errors of a database may pass, and what is tried again for them."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.commit import commit, may_pass
from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from tests.factories import NOWHERE, execute, rows, value


async def test_a_write_that_works_is_done_once(database: Database) -> None:
    await execute(database, "CREATE TABLE note (n int)")

    async def write(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO note VALUES (1)"))

    await commit(database, write)
    assert await value(database, "SELECT count(*) FROM note") == 1


async def test_a_statement_that_is_wrong_is_not_repeated(database: Database) -> None:
    tries = 0

    async def write(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(text("SELECT nonsense"))

    with pytest.raises(DBAPIError):
        await commit(database, write)
    assert tries == 1


async def test_a_connection_that_is_cut_is_replaced_and_nothing_is_done_twice(database: Database) -> None:
    await execute(database, "CREATE TABLE note (n int)")
    tries = 0

    async def write(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(text("INSERT INTO note VALUES (1)"))
        if tries == 1:
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            async with database.transaction() as other:
                await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    await commit(database, write)
    assert tries == 2
    assert await value(database, "SELECT count(*) FROM note") == 1


async def test_a_deadlock_is_tried_again(database: Database) -> None:
    await execute(database, "CREATE TABLE note (id int, n int)", "INSERT INTO note VALUES (1, 0), (2, 0)")
    both_hold_one = asyncio.Barrier(2)
    update = text("UPDATE note SET n = n + 1 WHERE id = :id")

    async def crossing(first: int, second: int) -> None:
        tries = 0

        async def write(connection: AsyncConnection) -> None:
            nonlocal tries
            tries += 1
            await connection.execute(update, {"id": first})
            if tries == 1:
                await both_hold_one.wait()
            await connection.execute(update, {"id": second})

        await commit(database, write)

    await asyncio.gather(crossing(1, 2), crossing(2, 1))
    assert [row["n"] for row in await rows(database, "SELECT n FROM note ORDER BY id")] == [2, 2]


async def test_an_unreachable_database_may_come_back() -> None:
    away = Database(DatabaseSettings(database_url=NOWHERE, _env_file=None))
    with pytest.raises(OSError, match=r".") as raised:
        async with away.transaction():
            pass
    assert may_pass(raised.value)
    await away.aclose()


async def test_a_database_that_does_not_exist_does_not(database_url: str) -> None:
    gone = Database(DatabaseSettings(database_url=database_url + "_gone", _env_file=None))
    with pytest.raises(DBAPIError) as raised:
        async with gone.transaction():
            pass
    assert not may_pass(raised.value)
    await gone.aclose()


async def test_a_pooler_that_hands_out_other_backends(database_url: str) -> None:
    pooled = Database(DatabaseSettings(database_url=database_url, database_pooled=True, _env_file=None))
    for _ in range(3):
        async with pooled.transaction() as connection:
            query = text("SELECT CAST(:n AS int) + 1")
            assert (await connection.execute(query, {"n": 1})).scalar() == 2
            assert (await connection.execute(text("SELECT count(*) FROM pg_prepared_statements"))).scalar() in (0, 1, 2)
    await pooled.aclose()
