"""The file that goes along with a message: where its bytes are, and what Telegram calls it already."""

import asyncio
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.chats import greeting_files
from jobs.db.files import media
from jobs.db.files.media import MediaRow
from jobs.delivery.telegram import Upload
from jobs.media import MediaStore
from jobs.resources import Resources

# of what carries a photo, and what carries a document
DOCUMENT, PHOTO = "document", "photo"
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


class File(Protocol):
    """`file_id` is None until Telegram has the file. `remember` notes it, in the transaction of its delivery."""

    @property
    def field(self) -> str: ...
    @property
    def file_id(self) -> str | None: ...
    async def upload(self) -> Upload: ...
    async def remember(self, connection: AsyncConnection, file_id: str) -> None: ...


@dataclass(frozen=True)
class StoredMedia:
    row: MediaRow
    store: MediaStore
    field: str
    name: str

    @property
    def file_id(self) -> str | None:
        return self.row.telegram_document_id if self.field == DOCUMENT else self.row.telegram_file_id

    async def upload(self) -> Upload:
        return Upload(self.field, await self.store.get(self.row.key), self.name)

    async def remember(self, connection: AsyncConnection, file_id: str) -> None:
        await media.remember_file_id(connection, self.row.id, file_id, as_document=self.field == DOCUMENT)


@dataclass(frozen=True)
class Greeting:
    """`sha256` tells the picture from the one that stood there before."""

    bot_id: int
    persona: str
    path: Path
    sha256: str
    file_id: str | None = None
    field: str = PHOTO

    async def upload(self) -> Upload:
        return Upload(self.field, await asyncio.to_thread(self.path.read_bytes), f"{self.persona}{self.path.suffix}")

    async def remember(self, connection: AsyncConnection, file_id: str) -> None:
        await greeting_files.remember(connection, self.bot_id, self.persona, self.sha256, file_id)


async def stored_media(
    connection: AsyncConnection, resources: Resources, payload: dict[str, Any]
) -> StoredMedia | None:
    """None when the file was kept for its time and then deleted."""
    row = await media.get(connection, UUID(payload["media_id"]))
    if row is None:
        return None
    field = DOCUMENT if payload["method"] == "sendDocument" else PHOTO
    name = payload.get("file_name") or f"picture.{SUFFIXES.get(row.content_type, 'bin')}"
    return StoredMedia(row, resources.media, field, name)


async def greeting(connection: AsyncConnection, resources: Resources, persona_key: str) -> Greeting | None:
    """None for a persona without a picture, or one that the operator took away."""
    persona = resources.personas.all.get(persona_key)
    if persona is None or persona.greeting_picture is None or resources.telegram is None:
        return None
    path = persona.greeting_picture
    try:
        digest = await asyncio.to_thread(_digest, path)
    except OSError:
        return None
    bot_id = resources.telegram.bot_id
    file_id = await greeting_files.find(connection, bot_id, persona.key, digest)
    return Greeting(bot_id, persona.key, path, digest, file_id)


def _digest(path: Path) -> str:
    about = path.stat()
    return _digest_of(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=64)
def _digest_of(path: Path, changed_at: int, size: int) -> str:
    """Of the file as it was then: the greeting of a persona is sent to everybody, and read once."""
    del changed_at, size
    return hashlib.sha256(path.read_bytes()).hexdigest()
