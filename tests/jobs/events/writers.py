"""Jobs whose events are written by hand, as fast or as slowly as a test needs."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job

OWNER = "key:anna"


async def add_job(connection: AsyncConnection, *, owner: str = OWNER, **more: Any) -> Job:
    nothing = dict.fromkeys(
        ("workflow", "model", "ticket_id", "parent_id", "root_id", "dialog_id", "run_at", "deadline")
    )
    values: dict[str, Any] = {
        **nothing, "id": uuid4(), "kind": "generate_reply", "owner": owner, "input": {"user_message": "Hi"},
        "queue": "llm", "priority": 0, "turn": 0, "destination": {}, "metadata": {},
    }  # fmt: skip
    return await job_rows.insert(connection, **{**values, **more})


async def new_job(database: Database, *, owner: str = OWNER, **more: Any) -> Job:
    async with database.transaction() as connection:
        return await add_job(connection, owner=owner, **more)


async def report_progress(connection: AsyncConnection, job_id: UUID, data: dict[str, Any]) -> Job:
    """As a worker does it: the row and its event in one statement."""
    change = text("UPDATE jobs SET event_seq = event_seq + 1 WHERE id = :id").text
    statement = job_rows.changing(change)
    row = (await connection.execute(statement, {"id": job_id, "event": "job.progress", "data": data})).mappings().one()
    return Job(**row)


async def progress(database: Database, job_id: UUID, **data: Any) -> Job:
    async with database.transaction() as connection:
        return await report_progress(connection, job_id, data)


async def run_to_end(database: Database, job_id: UUID, status: str = "completed") -> Job:
    """Started and ended."""
    async with database.transaction() as connection:
        running = await job_rows.claim(connection, job_id, uuid4())
        assert running
    async with database.transaction() as connection:
        done = await job_rows.finish(connection, running, status, result={"text": "Hello"}, ttl=3600)
        assert done
        return done
