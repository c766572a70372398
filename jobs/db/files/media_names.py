"""What a stored file is called where it is a report or a document."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Called:
    """`title`: of the comparison, for a report. `file_name`: as it was uploaded, for a document."""

    format: str
    title: str | None
    file_name: str | None


FIND = text(
    "SELECT format, title, NULL AS file_name FROM reports JOIN comparisons ON comparisons.id = comparison_id"
    " WHERE media_id = :id UNION ALL SELECT format, NULL, file_name FROM documents WHERE media_id = :id LIMIT 1"
)


async def find(connection: AsyncConnection, media_id: UUID) -> Called | None:
    row = (await connection.execute(FIND, {"id": media_id})).mappings().first()
    return Called(**row) if row else None
