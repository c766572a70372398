"""A comparison with all that its report says, and which reports of it are stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.analyses.comparisons import ROW, ComparisonRow, Finding, findings_of
from jobs.db.files.media import StoredFile


@dataclass(frozen=True)
class ComparedDocument:
    id: UUID
    file_name: str
    format: str
    size: int
    sha256: str
    pages: int | None
    characters: int | None


@dataclass(frozen=True)
class StoredComparison(ComparisonRow):
    documents: tuple[ComparedDocument, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class StoredReport:
    format: str
    media_id: UUID
    key: str
    size: int
    created_at: datetime


COMPARISON = text(f"SELECT {ROW} FROM comparisons comparison WHERE id = :id")
DOCUMENTS = text(
    "SELECT document.id, file_name, format, size, sha256, pages, characters"
    " FROM comparison_documents JOIN documents document ON document.id = document_id"
    " WHERE comparison_id = :id ORDER BY position"
)
# a file whose time has come may be gone any moment
STORED = text(
    "SELECT reports.format, media.id AS media_id, media.key, media.size, reports.created_at"
    " FROM reports JOIN media ON media.id = reports.media_id"
    " WHERE comparison_id = :id AND (expires_at IS NULL OR expires_at > now() + interval '1 minute')"
)
# the same run writes the same file once more after a commit whose answer was lost
INSERT_FILE = text(
    "INSERT INTO media (id, owner, job_id, key, content_type, size, sha256, expires_at)"
    " VALUES (:id, :owner, :job_id, :key, :content_type, :size, :sha256, now() + make_interval(secs => :ttl))"
    " ON CONFLICT (id) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size, expires_at = excluded.expires_at"
)
ENTER = text(
    "INSERT INTO reports (comparison_id, format, media_id) VALUES (:comparison_id, :format, :media_id)"
    " ON CONFLICT (comparison_id, format) DO UPDATE SET media_id = excluded.media_id, created_at = now()"
)
# until the transaction ends, nobody writes down other findings
HOLD = text("SELECT finished_at FROM comparisons WHERE id = :id FOR SHARE")
# the bytes go first, by the clock; the rows of reports with the file's row
EXPIRE = text(
    "UPDATE media SET expires_at = now() FROM reports"
    " WHERE reports.media_id = media.id AND reports.comparison_id = :id AND (expires_at IS NULL OR expires_at > now())"
)
FORGET = text("DELETE FROM reports WHERE comparison_id = :id")


async def read(connection: AsyncConnection, comparison_id: UUID) -> StoredComparison | None:
    values = {"id": comparison_id}
    row = (await connection.execute(COMPARISON, values)).mappings().first()
    if row is None:
        return None
    documents = [ComparedDocument(**each) for each in (await connection.execute(DOCUMENTS, values)).mappings()]
    findings = await findings_of(connection, comparison_id)
    return StoredComparison(**row, documents=tuple(documents), findings=tuple(findings))


async def stored(connection: AsyncConnection, comparison_id: UUID) -> dict[str, StoredReport]:
    """By format, those that can be fetched now."""
    rows = (await connection.execute(STORED, {"id": comparison_id})).mappings()
    return {row["format"]: StoredReport(**row) for row in rows}


async def enter(
    connection: AsyncConnection,
    comparison: StoredComparison,
    files: Mapping[str, StoredFile],
    *,
    job_id: UUID | None,
    ttl: int,
) -> None:
    """`files` by format; `ttl` seconds for which they are kept. What was stored in that format before is let go.

    Nothing is entered where the comparison was deleted, or came to other findings, after `comparison` was read.
    """
    now = (await connection.execute(HOLD, {"id": comparison.id})).first()
    if now is None or now.finished_at != comparison.finished_at:
        return
    await _expire(connection, comparison.id, list(files))
    for fmt, file in files.items():
        values = vars(file) | {"owner": comparison.owner, "job_id": job_id, "ttl": float(ttl)}
        await connection.execute(INSERT_FILE, values)
        await connection.execute(ENTER, {"comparison_id": comparison.id, "format": fmt, "media_id": file.id})


async def let_go(connection: AsyncConnection, comparison_id: UUID) -> None:
    """Of a comparison that is to be deleted, or has other findings now."""
    await connection.execute(EXPIRE, {"id": comparison_id})
    await connection.execute(FORGET, {"id": comparison_id})


async def _expire(connection: AsyncConnection, comparison_id: UUID, formats: Sequence[str]) -> None:
    some = text(f"{EXPIRE.text} AND reports.format = ANY(:formats)")
    await connection.execute(some, {"id": comparison_id, "formats": list(formats)})
