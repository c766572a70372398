"""Whose writing shall stop because its reader has read enough?"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Running:
    job_id: UUID
    run_token: UUID


RUNNING = text(
    "SELECT id, run_token FROM jobs WHERE owner = :owner AND status = 'processing' AND run_token IS NOT NULL"
)
REQUEST = text(
    "INSERT INTO draft_stops AS stop (job_id, run_token) VALUES (:job_id, :run_token)"
    " ON CONFLICT (job_id) DO UPDATE SET run_token = excluded.run_token"
)
# a later run of the same job is not meant
IS_REQUESTED = text("SELECT EXISTS (SELECT FROM draft_stops WHERE job_id = :job_id AND run_token = :run_token)")


async def running(connection: AsyncConnection, owner: str) -> list[Running]:
    return [Running(row.id, row.run_token) for row in await connection.execute(RUNNING, {"owner": owner})]


async def request(connection: AsyncConnection, run: Running) -> None:
    await connection.execute(REQUEST, vars(run))


async def is_requested(connection: AsyncConnection, job_id: UUID, run_token: UUID | None) -> bool:
    values = {"job_id": job_id, "run_token": run_token}
    return bool((await connection.execute(IS_REQUESTED, values)).scalar_one())
