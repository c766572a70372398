"""Is this process fit to take work, and what waits where?"""

from dataclasses import dataclass

from sqlalchemy import text

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.schema import require_current_schema
from jobs.db.session import Database
from jobs.errors import Misconfigured


@dataclass(frozen=True)
class QueueDepth:
    """Open jobs of one kind in one queue; `oldest` in seconds since the oldest was accepted."""

    queue: str
    kind: str
    status: str
    jobs: int
    oldest: float


DEPTH = text(
    "SELECT queue, kind, status, count(*) AS jobs, extract(epoch FROM now() - min(created_at))::float8 AS oldest"
    " FROM jobs WHERE status IN ('pending', 'processing') GROUP BY queue, kind, status ORDER BY queue, kind, status"
)
DELIVERIES = text("SELECT status, count(*) FROM deliveries WHERE status <> 'sent' GROUP BY status ORDER BY status")


async def problems(database: Database) -> list[str]:
    """Sentences about what keeps this process from working; empty when it is ready."""
    try:
        async with database.transaction() as connection:
            await require_current_schema(connection)
    except Misconfigured as error:
        return [error.detail]
    except DATABASE_ERRORS:
        return ["The database does not answer."]
    return []


async def depth(database: Database) -> list[QueueDepth]:
    async with database.transaction() as connection:
        return [QueueDepth(**row) for row in (await connection.execute(DEPTH)).mappings()]


async def open_deliveries(database: Database) -> dict[str, int]:
    """How many deliveries are in each status except `sent`."""
    async with database.transaction() as connection:
        return {row[0]: row[1] for row in await connection.execute(DELIVERIES)}
