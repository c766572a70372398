"""An owner's jobs: in pages, newest first; one job with all that came from it; how many are open; why which lane."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import COLUMNS, Job

PAGE = text(
    f"SELECT {COLUMNS} FROM jobs job WHERE owner = :owner"
    " AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(:kinds))"
    " AND (CAST(:statuses AS text[]) IS NULL OR status = ANY(:statuses))"
    " AND (CAST(:before AS timestamptz) IS NULL"
    "  OR (created_at, id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))"
    " ORDER BY created_at DESC, id DESC LIMIT :limit"
).bindparams(bindparam("kinds", type_=ARRAY(Text)), bindparam("statuses", type_=ARRAY(Text)))

# the job itself first, then its children in the order in which they were made
TREE = text(
    "WITH RECURSIVE branch AS ("
    " SELECT id, 0 AS depth FROM jobs WHERE id = :id AND owner = :owner"
    " UNION ALL SELECT child.id, depth + 1 FROM jobs child JOIN branch ON child.parent_id = branch.id"
    f" WHERE child.owner = :owner) SELECT {COLUMNS} FROM jobs job JOIN branch USING (id)"
    " ORDER BY depth, created_at, id LIMIT :limit"
)

# the owner's submissions wait here for each other, so that no two of them count the same free place
LOCK_OWNER = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, 20))")
OPEN = text(
    # what the owner asked for, however many steps it has
    "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE owner = :owner AND status IN ('pending', 'processing')"
    " AND parent_id IS NULL"
    " LIMIT :limit) AS open"
)

LANE = text("SELECT data->>'lane' FROM job_events WHERE job_id = :id AND seq = 1")


async def page(
    connection: AsyncConnection,
    owner: str,
    limit: int,
    *,
    kinds: Sequence[str] = (),
    statuses: Sequence[str] = (),
    before: tuple[datetime, UUID] | None = None,
) -> list[Job]:
    """`before`: `created_at` and id of the last job of the page before this one."""
    moment, job_id = before or (None, None)
    values = {"owner": owner, "limit": limit, "before": moment, "before_id": job_id}
    values |= {"kinds": list(kinds) or None, "statuses": list(statuses) or None}
    return [Job(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def tree(connection: AsyncConnection, job_id: UUID, owner: str, limit: int) -> list[Job]:
    """The job, then what came from it, level by level; empty when the owner has no such job."""
    rows = await connection.execute(TREE, {"id": job_id, "owner": owner, "limit": limit})
    return [Job(**row) for row in rows.mappings()]


async def open_jobs(connection: AsyncConnection, owner: str, most: int) -> int:
    """How many jobs of the owner are open, up to `most`; no other transaction that asks this adds one meanwhile."""
    await connection.execute(LOCK_OWNER, {"owner": owner})
    return int((await connection.execute(OPEN, {"owner": owner, "limit": most})).scalar_one())


async def lane_in_words(connection: AsyncConnection, job_id: UUID) -> str | None:
    """Why this lane was chosen, as the job's first event tells it."""
    words: str | None = (await connection.execute(LANE, {"id": job_id})).scalar()
    return words
