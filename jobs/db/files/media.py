"""What is known about stored files."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class StoredFile:
    """`key` names the bytes in the store, `sha256` is in hex."""

    id: UUID
    key: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class MediaRow:
    id: UUID
    owner: str
    key: str
    content_type: str
    size: int
    sha256: str
    telegram_file_id: str | None
    telegram_document_id: str | None
    created_at: datetime
    expires_at: datetime | None


GET = text(
    "SELECT id, owner, key, content_type, size, sha256, telegram_file_id, telegram_document_id, created_at, expires_at"
    " FROM media WHERE id = :id"
)


async def insert(
    connection: AsyncConnection, stored: StoredFile, *, owner: str, job_id: UUID | None, ttl: int | None
) -> None:
    """`ttl`: seconds for which it is kept; None until somebody sets an end to it."""
    await connection.execute(
        text(
            "INSERT INTO media (id, owner, job_id, key, content_type, size, sha256, expires_at) "
            "VALUES (:id, :owner, :job_id, :key, :content_type, :size, :sha256,"
            " now() + make_interval(secs => CAST(:ttl AS double precision)))"
        ),
        {
            "id": stored.id,
            "owner": owner,
            "job_id": job_id,
            "key": stored.key,
            "content_type": stored.content_type,
            "size": stored.size,
            "sha256": stored.sha256,
            "ttl": None if ttl is None else float(ttl),
        },
    )


async def get(connection: AsyncConnection, media_id: UUID) -> MediaRow | None:
    row = (await connection.execute(GET, {"id": media_id})).mappings().first()
    return MediaRow(**row) if row else None


async def remember_file_id(
    connection: AsyncConnection, media_id: UUID, file_id: str, *, as_document: bool = False
) -> None:
    """Telegram's name for it as a photo, or as a document."""
    column = "telegram_document_id" if as_document else "telegram_file_id"
    update = text(f"UPDATE media SET {column} = :file_id WHERE id = :id")
    await connection.execute(update, {"id": media_id, "file_id": file_id})
