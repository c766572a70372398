"""How a document comes in and goes: bytes into the store, then row and job in one transaction; and back the same way.

A crash between leaves bytes that no row names, which the nightly look at the media store removes.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import IO
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import retention
from jobs.db.analyses import documents
from jobs.db.analyses.documents import Document
from jobs.db.files.media import StoredFile
from jobs.db.session import Database
from jobs.documents.extractor.limits import LARGEST_FILE
from jobs.documents.refusals import refusal
from jobs.documents.sniffing import CONTENT_TYPES, LOOKED_AT, Format, format_of
from jobs.errors import Conflict, NotFound, TemporaryError
from jobs.kinds.contract import NewJob
from jobs.media import MediaStore, key_of
from jobs.storable import storable
from jobs.submit import Intake

LONGEST_NAME = 255
# before the parts of analyses that share their queue: somebody waits for it, and it takes seconds
PRIORITY = 5
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """A file that can be read as a document, for all that can be seen from outside."""

    file: IO[bytes]
    name: str
    format: Format
    size: int
    sha256: str


@dataclass(frozen=True)
class Entered:
    """`is_new`: it is read now. Otherwise the owner had it before."""

    document: Document
    is_new: bool


class BytesNeeded(Exception):
    """The owner's document with these bytes was deleted meanwhile, or has lost them."""


async def examined(file: IO[bytes], name: str) -> Upload:
    """Raises DocumentRefused."""
    return await asyncio.to_thread(_examine, file, name)


def _examine(file: IO[bytes], name: str) -> Upload:
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if size > LARGEST_FILE:
            raise refusal("document_too_large")
    file.seek(0)
    head = file.read(LOOKED_AT)
    file.seek(max(0, size - LOOKED_AT))
    return Upload(file, _plain_name(name), format_of(head, file.read(LOOKED_AT)), size, digest.hexdigest())


def _plain_name(name: str) -> str:
    """Without the folders that some programs send with it."""
    last = storable(name).replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter for letter in last if letter.isprintable()).strip()
    return plain[-LONGEST_NAME:] or "document"


async def keep_bytes(database: Database, store: MediaStore, owner: str, upload: Upload) -> StoredFile | None:
    """Stored, though not known yet; None where the owner's document has them already."""
    async with database.statement() as connection:
        known = await documents.find(connection, owner, upload.sha256)
    if known and known.media_id:
        return None
    identity = uuid4()
    stored = StoredFile(identity, key_of(identity), CONTENT_TYPES[upload.format], upload.size, upload.sha256)
    await store.put_file(upload.file, stored)
    return stored


async def enter(
    connection: AsyncConnection,
    intake: Intake,
    owner: str,
    upload: Upload,
    stored: StoredFile | None,
    admit: Callable[[], Awaitable[None]],
) -> Entered:
    """The owner's document with these bytes. It is read unless that was done before, or is being done.

    `admit` is asked before a job is made, and raises what is against it. Raises BytesNeeded where `stored` is missing.
    """
    document_id = await documents.insert(
        connection, uuid4(), owner, upload.name, upload.format, upload.size, upload.sha256
    )
    document = await _own(connection, owner, document_id)
    if document.media_id is None:
        if stored is None:
            raise BytesNeeded
        await documents.attach(connection, document_id, owner, stored)
    if document.status != "failed":
        return Entered(document, is_new=False)
    await admit()
    new = NewJob("extract_document", {"document_id": str(document_id)}, owner, priority=PRIORITY)
    job = await intake.submit(connection, new)
    await documents.set_job(connection, document_id, job.id)
    return Entered(await _own(connection, owner, document_id), is_new=True)


async def discard(database: Database, store: MediaStore, stored: StoredFile | None) -> None:
    """What was stored for nothing: unless a document has it, it goes."""
    if stored is None:
        return
    async with database.statement() as connection:
        if await documents.has_bytes(connection, stored.id):
            return
    await _delete_now(store, [stored.key])


async def remove(database: Database, store: MediaStore, intake: Intake, owner: str, document_id: UUID) -> None:
    """Raises NotFound, and Conflict while a comparison names it. Where the store is down, its bytes go later."""
    async with database.transaction() as connection:
        document = await _own(connection, owner, document_id)
        if await documents.is_compared(connection, owner, document_id):
            raise Conflict("A comparison uses this document. Delete the comparison first.", code="document_in_use")
        if document.job_id and document.status in ("pending", "processing"):
            await intake.cancel(connection, document.job_id, owner)
        file = await documents.delete(connection, document_id)
    if file and await _delete_now(store, [file.key]):
        await retention.forget_media(database, [file.id])


async def _delete_now(store: MediaStore, keys: list[str]) -> bool:
    """False where the store is down: whoever looks after it deletes them later."""
    try:
        await store.delete(keys)
    except TemporaryError:
        return False
    return True


async def _own(connection: AsyncConnection, owner: str, document_id: UUID) -> Document:
    document = await documents.get(connection, owner, document_id)
    if document is None:
        raise NotFound(f"There is no document {document_id}.")
    return document
