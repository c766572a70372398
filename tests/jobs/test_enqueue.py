"""A ticket lives and dies with the transaction that made it, and procrastinate reads what we wrote."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from procrastinate.schema import SchemaManager
from sqlalchemy import text

from jobs.db.session import Database
from jobs.enqueue import DEFER, Ticket, enqueue, withdraw
from tests.factories import execute, rows, tickets, value

LLM = Ticket("run_job", {"job_id": "1"}, "llm")


class Undone(Exception):
    pass


async def test_a_commit_leaves_the_ticket_as_it_was_asked_for(database: Database) -> None:
    due = datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC)
    arguments = {"job_id": "я\"'\\{},()", "deep": [1, None, {"a": 1.5}]}
    async with database.transaction() as connection:
        wanted = Ticket("run_job", arguments, "llm", priority=-3, lock='chat:(7,"x")', run_at=due)
        [ticket_id] = await enqueue(connection, [wanted])
    [ticket] = await tickets(database)
    assert ticket == {
        "id": ticket_id, "queue_name": "llm", "task_name": "run_job", "priority": -3, "lock": "chat:(7,\"x\")",
        "args": arguments, "status": "todo", "scheduled_at": due,
    }  # fmt: skip


async def test_a_rollback_leaves_no_ticket(database: Database) -> None:
    with pytest.raises(Undone):  # noqa: PT012 - the transaction around it is what is tried
        async with database.transaction() as connection:
            await connection.execute(text("SELECT 1"))
            await enqueue(connection, [LLM])
            raise Undone
    assert await tickets(database) == []


async def test_a_rollback_leaves_no_ticket_even_when_it_was_the_first_statement(database: Database) -> None:
    """On the driver's own connection the first statement is outside of SQLAlchemy's transaction."""
    with pytest.raises(Undone):  # noqa: PT012 - the transaction around it is what is tried
        async with database.transaction() as connection:
            await enqueue(connection, [LLM])
            raise Undone
    assert await tickets(database) == []


async def test_nobody_sees_a_ticket_before_the_commit(database: Database) -> None:
    async with database.transaction() as connection:
        await enqueue(connection, [LLM])
        assert await tickets(database) == []
    assert len(await tickets(database)) == 1


async def test_several_tickets_get_their_ids_in_order(database: Database) -> None:
    async with database.transaction() as connection:
        ids = await enqueue(connection, [Ticket("deliver", {"delivery_id": n}, "telegram") for n in range(50)])
    assert [(each["id"], each["args"]["delivery_id"]) for each in await tickets(database)] == list(
        zip(ids, range(50), strict=True)
    )


async def test_no_tickets_are_no_tickets(database: Database) -> None:
    async with database.transaction() as connection:
        assert await enqueue(connection, []) == []
    assert await tickets(database) == []


async def test_the_commit_wakes_whoever_listens_and_not_before(database: Database, database_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute('LISTEN "procrastinate_queue_v1#llm"')
        async with database.transaction() as connection:
            await enqueue(connection, [LLM])
            await asyncio.sleep(0.05)
            assert [each async for each in listener.notifies(timeout=0)] == []
        heard = [each async for each in listener.notifies(timeout=5, stop_after=1)]
    [ticket] = await tickets(database)
    assert json.loads(heard[0].payload) == {"type": "job_inserted", "job_id": ticket["id"]}


async def test_the_type_that_we_fill_has_the_fields_that_we_fill(database: Database) -> None:
    fields = await rows(
        database,
        "SELECT attname::text AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
        " WHERE attrelid = 'procrastinate_job_to_defer_v1'::regclass AND attnum > 0 ORDER BY attnum",
    )
    assert [(field["name"], field["type"]) for field in fields] == [
        ("queue_name", "character varying"),
        ("task_name", "character varying"),
        ("priority", "integer"),
        ("lock", "text"),
        ("queueing_lock", "text"),
        ("args", "jsonb"),
        ("scheduled_at", "timestamp with time zone"),
    ]


@pytest.mark.parametrize(
    ("function", "arguments", "returned"),
    [
        ("procrastinate_defer_jobs_v1", "jobs procrastinate_job_to_defer_v1[]", "bigint[]"),
        ("procrastinate_cancel_job_v1", "job_id bigint, abort boolean, delete_job boolean", "bigint"),
    ],
)
async def test_the_functions_that_we_call_are_there(
    database: Database, function: str, arguments: str, returned: str
) -> None:
    [found] = await rows(
        database,
        "SELECT pg_get_function_identity_arguments(oid) AS arguments, pg_get_function_result(oid) AS returned"
        " FROM pg_proc WHERE proname = :name",
        name=function,
    )
    assert (found["arguments"], found["returned"]) == (arguments, returned)


def test_our_statement_is_procrastinates_own() -> None:
    from procrastinate import sql

    theirs = "".join(sql.queries["defer_jobs"].split()).replace("%(jobs)s", "$1").rstrip(";").removesuffix("ASid")
    assert "".join(DEFER.split()) == theirs


def test_the_installed_schema_is_the_one_that_the_first_revision_creates() -> None:
    revision = ScriptDirectory.from_config(Config("alembic.ini")).get_revision("0001")
    digest = hashlib.sha256(SchemaManager.get_schema().encode()).hexdigest()
    assert digest == revision.module.SCHEMA_SHA256


async def test_what_procrastinate_fetches_is_what_we_deferred(database: Database) -> None:
    async with database.transaction() as connection:
        later = datetime.now(UTC) + timedelta(hours=1)
        await enqueue(connection, [Ticket("run_job", {"job_id": "later"}, "llm", priority=100, run_at=later)])
        await enqueue(connection, [Ticket("run_job", {"job_id": "low"}, "llm")])
        await enqueue(connection, [Ticket("run_job", {"job_id": "high"}, "llm", priority=10)])
        await enqueue(connection, [Ticket("run_job", {"job_id": "other"}, "telegram", priority=10)])
    worker = await value(database, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
    fetch = "SELECT args->>'job_id' AS job FROM procrastinate_fetch_job_v2(ARRAY['llm'], :worker)"
    fetched = [await value(database, fetch, worker=worker) for _ in range(3)]
    assert fetched == ["high", "low", None]


async def test_a_waiting_ticket_is_withdrawn(database: Database) -> None:
    async with database.transaction() as connection:
        [ticket_id] = await enqueue(connection, [LLM])
    async with database.transaction() as connection:
        await withdraw(connection, ticket_id)
    assert await tickets(database) == []


async def test_a_running_ticket_is_asked_to_stop(database: Database) -> None:
    async with database.transaction() as connection:
        [ticket_id] = await enqueue(connection, [LLM])
    await execute(database, "UPDATE procrastinate_jobs SET status = 'doing'")
    async with database.transaction() as connection:
        await withdraw(connection, ticket_id)
    assert await rows(database, "SELECT status::text, abort_requested FROM procrastinate_jobs") == [
        {"status": "doing", "abort_requested": True}
    ]


async def test_an_unknown_ticket_is_none(database: Database) -> None:
    async with database.transaction() as connection:
        await withdraw(connection, 4711)
