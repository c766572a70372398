"""The job that makes a report in a format that is not there yet: one at a time for each."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# whoever holds the comparison's row decides whether one more is wanted
LOCK = text("SELECT id FROM comparisons WHERE id = :id FOR UPDATE")
OPEN = text(
    "SELECT id FROM jobs WHERE owner = :owner AND kind = 'make_report' AND status IN ('pending', 'processing')"
    " AND input->>'comparison_id' = CAST(:id AS text) AND input->'formats' ? :format ORDER BY created_at LIMIT 1"
)


async def find_open(connection: AsyncConnection, owner: str, comparison_id: UUID, fmt: str) -> UUID | None:
    """From here to the end of the transaction nobody else begins one."""
    await connection.execute(LOCK, {"id": comparison_id})
    values = {"owner": owner, "id": str(comparison_id), "format": fmt}
    return (await connection.execute(OPEN, values)).scalar()
