"""Pictures that are there already: found by the hash of everything that they were drawn from."""

import hashlib
import json
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.files.media import StoredFile

FIND = text(
    "SELECT id, key, content_type, size, sha256 FROM media WHERE owner = :owner AND drawn_from = ANY(:drawn_from)"
    # one that is about to go would be gone before it is looked at
    " AND (expires_at IS NULL OR expires_at > now() + interval '10 minutes') ORDER BY created_at DESC LIMIT 1"
)
REMEMBER = text("UPDATE media SET drawn_from = :drawn_from WHERE id = :id")
KEEP = text(
    "UPDATE media SET expires_at = greatest(expires_at, now() + make_interval(secs => :ttl)) WHERE id = :id"
    " AND expires_at IS NOT NULL"
)


def fingerprint(workflow: dict[str, Any]) -> str:
    """Of a workflow with all its values, but without what differs each time and shows in no picture."""
    return hashlib.sha256(json.dumps(workflow, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


async def find(connection: AsyncConnection, owner: str, *drawn_from: str) -> StoredFile | None:
    """By one of these. Only the owner's own: what others asked for is not told, not even by being quick."""
    row = (await connection.execute(FIND, {"owner": owner, "drawn_from": list(drawn_from)})).mappings().first()
    return StoredFile(**row) if row else None


async def remember(connection: AsyncConnection, media_id: UUID, drawn_from: str) -> None:
    await connection.execute(REMEMBER, {"id": media_id, "drawn_from": drawn_from})


async def keep(connection: AsyncConnection, media_id: UUID, ttl: int) -> None:
    """As long as if it were drawn now. `ttl` in seconds."""
    await connection.execute(KEEP, {"id": media_id, "ttl": float(ttl)})
