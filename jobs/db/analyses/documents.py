"""Documents of an owner, and their text page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.files import media
from jobs.db.files.media import StoredFile
from jobs.db.retention import ExpiredFile
from jobs.db.work.jobs import Json


@dataclass(frozen=True)
class Document:
    """`status` and `error` are those of its job for as long as that is known: a cancelled one has failed too."""

    id: UUID
    owner: str
    file_name: str
    format: str
    size: int
    sha256: str
    media_id: UUID | None
    pages: int | None
    characters: int | None
    status: str
    error: Json | None
    job_id: UUID | None
    created_at: datetime
    used_at: datetime


@dataclass(frozen=True)
class Page:
    page: int
    text: str


# a job that ended in another way than by its own run leaves nothing in the document
STATUS = (
    "CASE WHEN document.status = 'completed' THEN 'completed'"
    " WHEN job.status IN ('pending', 'processing') THEN job.status ELSE 'failed' END"
)
COLUMNS = (
    "document.id, document.owner, document.file_name, document.format, document.size, document.sha256,"
    " document.media_id, document.pages, document.characters, document.job_id, document.created_at, document.used_at,"
    f" {STATUS} AS status, CASE WHEN {STATUS} = 'failed' THEN coalesce(job.error, document.error) END AS error"
)
FROM = "documents document LEFT JOIN jobs job ON job.id = document.job_id"

GET = text(f"SELECT {COLUMNS} FROM {FROM} WHERE document.owner = :owner AND document.id = :id")
FIND = text(f"SELECT {COLUMNS} FROM {FROM} WHERE document.owner = :owner AND document.sha256 = :sha256")
GET_MANY = text(f"SELECT {COLUMNS} FROM {FROM} WHERE document.owner = :owner AND document.id = ANY(:ids)")
PAGE_OF_LIST = text(
    f"SELECT {COLUMNS} FROM {FROM} WHERE document.owner = :owner"
    " AND (CAST(:before AS timestamptz) IS NULL"
    "  OR (document.created_at, document.id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))"
    " ORDER BY document.created_at DESC, document.id DESC LIMIT :limit"
)
INSERT = text(
    "INSERT INTO documents (id, owner, file_name, format, size, sha256)"
    " VALUES (:id, :owner, :file_name, :format, :size, :sha256)"
    " ON CONFLICT (owner, sha256) DO UPDATE SET used_at = now() RETURNING id"
)
LOCK_ID = text("SELECT id FROM documents WHERE owner = :owner AND id = :id FOR UPDATE")
SET_BYTES = text("UPDATE documents SET media_id = :media_id WHERE id = :id")
SET_JOB = text(
    "UPDATE documents SET job_id = :job_id, status = 'pending', error = NULL, used_at = now() WHERE id = :id"
)
# in one order, whoever else touches some of them at the same moment
TOUCH = text(
    "WITH held AS (SELECT id FROM documents WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE)"
    " UPDATE documents SET used_at = now() FROM held WHERE documents.id = held.id"
)
BEGIN = text(
    "UPDATE documents SET status = 'processing', error = NULL WHERE id = :id AND status <> 'completed' RETURNING id"
)
FAIL = text(
    "UPDATE documents SET status = 'failed', error = :error WHERE id = :id AND status <> 'completed'"
).bindparams(bindparam("error", type_=JSONB))
COMPLETE = text(
    "UPDATE documents SET status = 'completed', error = NULL, pages = :pages, characters = :characters"
    " WHERE id = :id AND status <> 'completed' RETURNING id"
)
FORGET_PAGES = text("DELETE FROM document_pages WHERE document_id = :id")
INSERT_PAGES = text(
    "INSERT INTO document_pages (document_id, page, text)"
    " SELECT :id, page, text FROM unnest(:numbers, :texts) AS read (page, text)"
).bindparams(bindparam("numbers", type_=ARRAY(Integer)), bindparam("texts", type_=ARRAY(Text)))
PAGES = text(
    "SELECT page, text FROM document_pages WHERE document_id = :id AND page > :after ORDER BY page LIMIT :limit"
)
BLANK_PAGES = text(
    "SELECT document_id, array_agg(page ORDER BY page) AS pages FROM document_pages"
    " WHERE document_id = ANY(:ids) AND btrim(text, E' \\n\\t\\u00a0') = '' GROUP BY document_id"
)
HAS_BYTES = text("SELECT EXISTS (SELECT FROM documents WHERE media_id = :media_id)")
IS_COMPARED = text("SELECT EXISTS (SELECT FROM comparison_documents WHERE document_id = :id)")
LOSE_BYTES = text(
    "WITH lost AS (UPDATE documents SET media_id = NULL FROM documents before"
    "  WHERE documents.id = :id AND before.id = documents.id RETURNING before.media_id)"
    " UPDATE media SET expires_at = now() FROM lost WHERE media.id = lost.media_id"
)
# its file is let go of with it; what deletes expired files takes their bytes before their row
DELETE = text(
    "WITH gone AS (DELETE FROM documents WHERE id = :id RETURNING media_id)"
    " UPDATE media SET expires_at = now() FROM gone WHERE media.id = gone.media_id RETURNING media.id, media.key"
)
DELETE_UNUSED = text(
    "WITH gone AS (DELETE FROM documents WHERE id IN (SELECT id FROM documents document"
    "  WHERE used_at < now() - make_interval(secs => :ttl)"
    "  AND NOT EXISTS (SELECT FROM comparison_documents WHERE document_id = document.id)"
    "  ORDER BY used_at LIMIT :chunk FOR UPDATE SKIP LOCKED) RETURNING id, media_id),"
    " released AS (UPDATE media SET expires_at = now() FROM gone WHERE media.id = gone.media_id)"
    " SELECT count(*) FROM gone"
)


async def get(connection: AsyncConnection, owner: str, document_id: UUID) -> Document | None:
    return await _one(connection, GET, {"owner": owner, "id": document_id})


async def find(connection: AsyncConnection, owner: str, sha256: str) -> Document | None:
    """The owner's document with these bytes."""
    return await _one(connection, FIND, {"owner": owner, "sha256": sha256})


async def get_many(connection: AsyncConnection, owner: str, ids: Sequence[UUID]) -> list[Document]:
    """In the order of `ids`, without those that the owner does not have."""
    rows = (await connection.execute(GET_MANY, {"owner": owner, "ids": list(ids)})).mappings()
    found = {row["id"]: Document(**row) for row in rows}
    return [found[each] for each in ids if each in found]


async def page(
    connection: AsyncConnection, owner: str, limit: int, *, before: tuple[datetime, UUID] | None = None
) -> list[Document]:
    """Newest first. `before`: `created_at` and id of the last document of the page before this one."""
    moment, document_id = before or (None, None)
    values = {"owner": owner, "limit": limit, "before": moment, "before_id": document_id}
    return [Document(**row) for row in (await connection.execute(PAGE_OF_LIST, values)).mappings()]


async def insert(
    connection: AsyncConnection, document_id: UUID, owner: str, file_name: str, format_: str, size: int, sha256: str
) -> UUID:
    """The document with these bytes, which may have been there: locked until the transaction ends."""
    values = {"id": document_id, "owner": owner, "file_name": file_name, "format": format_, "size": size}
    values["sha256"] = sha256
    kept: UUID = (await connection.execute(INSERT, values)).scalar_one()
    return kept


async def attach(connection: AsyncConnection, document_id: UUID, owner: str, stored: StoredFile) -> None:
    """The stored bytes are the document's, and kept for as long as it is."""
    await media.insert(connection, stored, owner=owner, job_id=None, ttl=None)
    await connection.execute(SET_BYTES, {"id": document_id, "media_id": stored.id})


async def set_job(connection: AsyncConnection, document_id: UUID, job_id: UUID) -> None:
    await connection.execute(SET_JOB, {"id": document_id, "job_id": job_id})


async def touch(connection: AsyncConnection, ids: Sequence[UUID]) -> None:
    """They are in use: from here counts how long they are kept."""
    await connection.execute(TOUCH, {"ids": list(ids)})


async def begin(connection: AsyncConnection, document_id: UUID) -> None:
    await connection.execute(BEGIN, {"id": document_id})


async def fail(connection: AsyncConnection, document_id: UUID, error: Json) -> None:
    """What it keeps to say when its job is forgotten."""
    await connection.execute(FAIL, {"id": document_id, "error": error})


async def complete(connection: AsyncConnection, document_id: UUID, pages: Sequence[str]) -> None:
    """Its text, from page 1 on; nothing where it was deleted meanwhile."""
    values = {"id": document_id, "pages": len(pages), "characters": sum(map(len, pages))}
    if (await connection.execute(COMPLETE, values)).scalar() is None:
        return
    await connection.execute(FORGET_PAGES, {"id": document_id})
    numbers = list(range(1, len(pages) + 1))
    await connection.execute(INSERT_PAGES, {"id": document_id, "numbers": numbers, "texts": list(pages)})


async def pages(
    connection: AsyncConnection, document_id: UUID, *, after: int = 0, limit: int | None = None
) -> list[Page]:
    rows = await connection.execute(PAGES, {"id": document_id, "after": after, "limit": limit})
    return [Page(**row) for row in rows.mappings()]


async def blank_pages(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, list[int]]:
    """By document, for those that have some: pages on which there is no text, whatever else they show."""
    rows = (await connection.execute(BLANK_PAGES, {"ids": list(ids)})).mappings()
    return {row["document_id"]: row["pages"] for row in rows}


async def let_go_of_bytes(connection: AsyncConnection, document_id: UUID) -> None:
    """They are lost: another upload of the same brings them again."""
    await connection.execute(LOSE_BYTES, {"id": document_id})


async def is_compared(connection: AsyncConnection, owner: str, document_id: UUID) -> bool:
    """Whether a comparison names it. From here to the end of the transaction no new one does."""
    await connection.execute(LOCK_ID, {"owner": owner, "id": document_id})
    return bool((await connection.execute(IS_COMPARED, {"id": document_id})).scalar_one())


async def has_bytes(connection: AsyncConnection, media_id: UUID) -> bool:
    """Whether this file is a document's."""
    return bool((await connection.execute(HAS_BYTES, {"media_id": media_id})).scalar_one())


async def delete(connection: AsyncConnection, document_id: UUID) -> ExpiredFile | None:
    """Its file, whose row has expired and waits for the bytes to go first."""
    row = (await connection.execute(DELETE, {"id": document_id})).mappings().first()
    return ExpiredFile(**row) if row else None


async def delete_unused(connection: AsyncConnection, ttl: int, chunk: int) -> int:
    """Those that nobody has used for `ttl` seconds and no comparison names; how many went."""
    return int((await connection.execute(DELETE_UNUSED, {"ttl": float(ttl), "chunk": chunk})).scalar_one())


async def _one(connection: AsyncConnection, statement: TextClause, values: Json) -> Document | None:
    row = (await connection.execute(statement, values)).mappings().first()
    return Document(**row) if row else None
