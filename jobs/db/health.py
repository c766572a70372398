"""Is this process fit to take work, and what waits where?"""

from sqlalchemy import text

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.queue import queues
from jobs.db.queue.queues import QueueDepth
from jobs.db.schema import require_current_schema
from jobs.db.session import Database
from jobs.errors import Misconfigured

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
        return await queues.depth(connection)


async def open_deliveries(database: Database) -> dict[str, int]:
    """How many deliveries are in each status except `sent`."""
    async with database.transaction() as connection:
        return {row[0]: row[1] for row in await connection.execute(DELIVERIES)}
