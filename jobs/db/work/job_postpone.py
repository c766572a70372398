"""A job that waits for its provider: nobody runs it, and that it waits costs it no try."""

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Job, Json, changing

POSTPONE = changing(
    "UPDATE jobs SET run_token = NULL, attempt = attempt - 1, usage = :usage, event_seq = event_seq + 1"
    " WHERE id = :id AND run_token = :run_token AND status = 'processing' AND cancel_requested_at IS NULL"
).bindparams(bindparam("usage", type_=JSONB))


async def postpone(connection: AsyncConnection, job: Job, data: Json, usage: Json) -> Job | None:
    """The job as it is now; None when this run no longer holds it, or its owner gave it up."""
    values = {"id": job.id, "run_token": job.run_token, "usage": usage, "event": "job.waiting", "data": data}
    row = (await connection.execute(POSTPONE, values)).mappings().first()
    return Job(**row) if row else None
