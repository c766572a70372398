"""Analyses asked for in a chat: what a person sends for one, and which message shows how far that is.

Whoever changes one holds its row: after jobs that are there already, before documents.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from jobs.db.analyses.documents import STATUS
from jobs.db.work.jobs import Json
from jobs.owners import of_person


@dataclass(frozen=True)
class SentFile:
    """`error` is why it cannot be compared: as it was fetched, or as it was read."""

    number: int
    file_id: str
    file_name: str
    document_id: UUID | None
    pages: int | None
    status: str | None
    error: Json | None

    @property
    def is_refused(self) -> bool:
        return self.error is not None or self.status == "failed"

    @property
    def is_on_its_way(self) -> bool:
        return self.document_id is None and not self.is_refused


@dataclass(frozen=True)
class Collection:
    """`status`: files were `offered`, are being `collecting`; then it is `begun`, `cancelled` or `expired`."""

    id: UUID
    user_id: int
    status: str
    looks_for: list[str]
    question: str
    fetch_job_id: UUID | None
    comparison_id: UUID | None
    panel: int
    edits: int
    told_at: datetime | None
    locale: str | None
    language_code: str | None
    files: tuple[SentFile, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.status in ("offered", "collecting")

    @property
    def usable(self) -> list[UUID]:
        """The documents that can be compared, or may be once they are read."""
        return [each.document_id for each in self.files if each.document_id and not each.is_refused]

    @property
    def is_fetching(self) -> bool:
        return any(each.is_on_its_way for each in self.files)


OPEN = "status IN ('offered', 'collecting')"
COLUMNS = (
    "analysis.id, analysis.user_id, analysis.status, analysis.looks_for, analysis.question, analysis.fetch_job_id,"
    " analysis.comparison_id, analysis.panel, analysis.edits, analysis.told_at, person.locale, person.language_code"
)
FROM = "chat_analyses analysis JOIN telegram_users person ON person.user_id = analysis.user_id"
LOCK_OPEN = text(
    f"SELECT {COLUMNS} FROM {FROM} WHERE analysis.user_id = :user_id AND analysis.{OPEN} FOR NO KEY UPDATE OF analysis"
)
LOCK = text(f"SELECT {COLUMNS} FROM {FROM} WHERE analysis.id = :id FOR NO KEY UPDATE OF analysis")
LOCK_BEGUN = text(
    f"SELECT {COLUMNS} FROM {FROM} WHERE analysis.comparison_id = :comparison_id FOR NO KEY UPDATE OF analysis"
)
LOCK_WITH_DOCUMENT = text(
    f"SELECT {COLUMNS} FROM {FROM} WHERE analysis.{OPEN} AND analysis.id IN"
    " (SELECT analysis_id FROM chat_analysis_files WHERE document_id = :document_id)"
    " ORDER BY analysis.id FOR NO KEY UPDATE OF analysis"
)
LOCK_IDLE = text(
    f"SELECT {COLUMNS} FROM {FROM} WHERE analysis.{OPEN}"
    " AND analysis.touched_at < now() - make_interval(secs => :seconds)"
    " ORDER BY analysis.id LIMIT :limit FOR NO KEY UPDATE OF analysis SKIP LOCKED"
)
FILES = text(
    "SELECT file.number, file.file_id, file.file_name, file.document_id, document.pages,"
    f" CASE WHEN document.id IS NOT NULL THEN {STATUS} END AS status,"
    f" coalesce(file.error, CASE WHEN document.id IS NOT NULL AND {STATUS} = 'failed'"
    "  THEN coalesce(job.error, document.error) END) AS error"
    " FROM chat_analysis_files file LEFT JOIN documents document ON document.id = file.document_id"
    " LEFT JOIN jobs job ON job.id = document.job_id WHERE file.analysis_id = :id ORDER BY file.number"
)
INSERT = text("INSERT INTO chat_analyses (id, user_id, status) VALUES (:id, :user_id, :status)")
ADD_FILE = text(
    "INSERT INTO chat_analysis_files (analysis_id, number, file_id, unique_id, file_name, error)"
    " SELECT :id, 1 + coalesce(max(number), 0), :file_id, :unique_id, :file_name, :error"
    " FROM chat_analysis_files WHERE analysis_id = :id ON CONFLICT (analysis_id, unique_id) DO UPDATE"
    " SET file_id = excluded.file_id, error = excluded.error WHERE chat_analysis_files.error IS NOT NULL"
).bindparams(
    bindparam("error", type_=JSONB(none_as_null=True)),
    *(bindparam(name, type_=Text) for name in ("file_id", "unique_id", "file_name")),
)
ENTER = text(
    "UPDATE chat_analysis_files SET document_id = :document_id WHERE analysis_id = :id AND number = :number"
    " AND NOT EXISTS (SELECT FROM chat_analysis_files other WHERE other.analysis_id = :id"
    "  AND other.document_id = :document_id)"
)
REFUSE = text(
    "UPDATE chat_analysis_files SET error = :error WHERE analysis_id = :id AND number = :number AND document_id IS NULL"
).bindparams(bindparam("error", type_=JSONB))
# those that fetch and read its files are a part of it
BESIDE = text(
    "SELECT count(*) FROM jobs WHERE owner = :owner AND status IN ('pending', 'processing') AND parent_id IS NULL"
    " AND id NOT IN (SELECT document.job_id FROM chat_analysis_files file"
    "  JOIN documents document ON document.id = file.document_id"
    "  WHERE file.analysis_id = :id AND document.job_id IS NOT NULL)"
    " AND id IS DISTINCT FROM CAST(:fetch_job_id AS uuid)"
)
IS_JOB_OPEN = text("SELECT EXISTS (SELECT FROM jobs WHERE id = :id AND status IN ('pending', 'processing'))")
FORGET = text(
    "WITH old AS (SELECT id, comparison_id FROM chat_analyses WHERE NOT "
    f"{OPEN} AND touched_at < now() - make_interval(secs => :ttl)"
    " AND NOT EXISTS (SELECT FROM comparisons comparison JOIN jobs job ON job.id = comparison.job_id"
    "  WHERE comparison.id = comparison_id AND job.status IN ('pending', 'processing'))"
    " ORDER BY touched_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
    " DELETE FROM chat_analyses USING old WHERE chat_analyses.id = old.id RETURNING old.comparison_id"
)


async def hold_open(connection: AsyncConnection, user_id: int) -> Collection | None:
    """What this person is sending files for."""
    return await _one(connection, LOCK_OPEN, {"user_id": user_id})


async def hold(connection: AsyncConnection, analysis_id: UUID) -> Collection | None:
    return await _one(connection, LOCK, {"id": analysis_id})


async def hold_begun(connection: AsyncConnection, comparison_id: UUID) -> Collection | None:
    """None for a comparison that nobody asked for in a chat."""
    return await _one(connection, LOCK_BEGUN, {"comparison_id": comparison_id})


async def hold_with_document(connection: AsyncConnection, document_id: UUID) -> list[Collection]:
    """Those that wait for it; whoever will change the document too holds these first."""
    return await _many(connection, LOCK_WITH_DOCUMENT, {"document_id": document_id})


async def hold_idle(connection: AsyncConnection, seconds: float, limit: int) -> list[Collection]:
    """Those of which nothing was heard for so long."""
    return await _many(connection, LOCK_IDLE, {"seconds": seconds, "limit": limit})


async def open_new(connection: AsyncConnection, analysis_id: UUID, user_id: int, status: str) -> Collection:
    await connection.execute(INSERT, {"id": analysis_id, "user_id": user_id, "status": status})
    found = await hold(connection, analysis_id)
    if found is None:
        raise LookupError("a collection belongs to somebody who has written to the bot")
    return found


async def add_file(
    connection: AsyncConnection, analysis_id: UUID, *, file_id: str, unique_id: str, name: str, error: Json | None
) -> None:
    """Where it is there already nothing changes, unless it was refused: then it is looked at once more."""
    values = {"id": analysis_id, "file_id": file_id, "unique_id": unique_id, "file_name": name, "error": error}
    await connection.execute(ADD_FILE, values)


async def enter_document(connection: AsyncConnection, analysis_id: UUID, number: int, document_id: UUID) -> bool:
    """The file is this document; False where another file of the collection is that already."""
    values = {"id": analysis_id, "number": number, "document_id": document_id}
    return bool((await connection.execute(ENTER, values)).rowcount)


async def refuse_file(connection: AsyncConnection, analysis_id: UUID, number: int, error: Json) -> None:
    await connection.execute(REFUSE, {"id": analysis_id, "number": number, "error": error})


async def change(connection: AsyncConnection, analysis_id: UUID, **changes: Any) -> Collection:
    """`changes` by the names of columns. What the person did; from here counts how long it stays open."""
    settings = ", ".join(f"{name} = :{name}" for name in changes)
    statement = text(f"UPDATE chat_analyses SET {settings}, touched_at = now() WHERE id = :id")
    await connection.execute(statement, {"id": analysis_id, **changes})
    return await again(connection, analysis_id)


async def touch(connection: AsyncConnection, analysis_id: UUID) -> Collection:
    await connection.execute(text("UPDATE chat_analyses SET touched_at = now() WHERE id = :id"), {"id": analysis_id})
    return await again(connection, analysis_id)


async def again(connection: AsyncConnection, analysis_id: UUID) -> Collection:
    """As it is now; its row is held by this transaction."""
    found = await hold(connection, analysis_id)
    if found is None:
        raise LookupError("a collection that is held does not go away")
    return found


async def edits(connection: AsyncConnection, analysis_id: UUID) -> int:
    """How often its message was changed."""
    statement = text("SELECT edits FROM chat_analyses WHERE id = :id")
    return int((await connection.execute(statement, {"id": analysis_id})).scalar_one())


async def count_edit(connection: AsyncConnection, analysis_id: UUID) -> int:
    """The number of the next change of its message."""
    statement = text("UPDATE chat_analyses SET edits = edits + 1 WHERE id = :id RETURNING edits")
    return int((await connection.execute(statement, {"id": analysis_id})).scalar_one())


async def note_told(connection: AsyncConnection, analysis_id: UUID) -> None:
    """The person is told how far the comparison is."""
    await connection.execute(text("UPDATE chat_analyses SET told_at = now() WHERE id = :id"), {"id": analysis_id})


async def set_status(connection: AsyncConnection, analysis_id: UUID, status: str) -> Collection:
    """Not by the person."""
    update = text("UPDATE chat_analyses SET status = :status WHERE id = :id")
    await connection.execute(update, {"id": analysis_id, "status": status})
    return await again(connection, analysis_id)


async def with_refusal(connection: AsyncConnection, analysis_id: UUID, document_id: UUID, error: Json) -> Collection:
    """As it is now, with a document of which only this transaction's job knows yet that it cannot be read."""
    found = await again(connection, analysis_id)
    files = tuple(replace(each, error=error) if each.document_id == document_id else each for each in found.files)
    return replace(found, files=files)


async def name_fetch_job(connection: AsyncConnection, analysis_id: UUID, job_id: UUID) -> None:
    update = text("UPDATE chat_analyses SET fetch_job_id = :job_id WHERE id = :id")
    await connection.execute(update, {"id": analysis_id, "job_id": job_id})


async def is_job_open(connection: AsyncConnection, job_id: UUID | None) -> bool:
    if job_id is None:
        return False
    return bool((await connection.execute(IS_JOB_OPEN, {"id": job_id})).scalar_one())


async def count_beside(connection: AsyncConnection, found: Collection) -> int:
    """What else of this person's is open."""
    values = {"id": found.id, "owner": of_person(found.user_id), "fetch_job_id": found.fetch_job_id}
    return int((await connection.execute(BESIDE, values)).scalar_one())


async def forget(connection: AsyncConnection, ttl: float, limit: int) -> list[UUID | None]:
    """Those that ended so many seconds ago. The comparisons that came of them, which are to be deleted too."""
    return list((await connection.execute(FORGET, {"ttl": ttl, "limit": limit})).scalars())


async def _one(connection: AsyncConnection, statement: TextClause, values: Json) -> Collection | None:
    return next(iter(await _many(connection, statement, values)), None)


async def _many(connection: AsyncConnection, statement: TextClause, values: Json) -> list[Collection]:
    rows: Sequence[Any] = (await connection.execute(statement, values)).mappings().all()
    return [Collection(**row, files=await _files(connection, row["id"])) for row in rows]


async def _files(connection: AsyncConnection, analysis_id: UUID) -> tuple[SentFile, ...]:
    rows = (await connection.execute(FILES, {"id": analysis_id})).mappings()
    return tuple(SentFile(**row) for row in rows)
