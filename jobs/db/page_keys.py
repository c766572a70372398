"""The key with which somebody logged in to the pages: is it still good, and whose is it?"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.blocks import IS_SUSPENDED


@dataclass(frozen=True)
class PageKey:
    id: UUID
    owner: str
    name: str
    scopes: list[str]
    open_jobs: int | None
    suspended: bool


READ = text(
    f"SELECT id, owner, name, scopes, open_jobs, {IS_SUSPENDED.format(owner='api_keys.owner')} AS suspended"
    " FROM api_keys WHERE id = :id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
)


async def read(connection: AsyncConnection, key_id: UUID) -> PageKey | None:
    """None once it was revoked or has expired: whoever logged in with it is logged out."""
    row = (await connection.execute(READ, {"id": key_id})).mappings().first()
    return PageKey(**row) if row else None
