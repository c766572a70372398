"""Comparisons of documents: what is asked, by which job it is answered, and what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.analyses.documents import touch
from jobs.db.work.jobs import Json


@dataclass(frozen=True)
class ComparisonRow:
    """What was asked, and what an analysis came to, without its findings.

    `model` is "" for the one that the operator chose. `finished_at`: when its findings were written down.
    `unread`: what could not be read, `{document_id?, file_name?, reason}` each.
    """

    id: UUID
    owner: str
    title: str
    looks_for: list[str]
    question: str
    model: str
    language: str
    report_formats: list[str]
    job_id: UUID | None
    summary: str
    dropped: int
    unread: list[Json]
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Comparison(ComparisonRow):
    """`status`, `error`, `progress` and `partial` are those of its job."""

    status: str
    error: Json | None
    progress: Json
    partial: bool

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "processing")


@dataclass(frozen=True)
class Compared:
    """A document of a comparison. `position`: from 1."""

    comparison_id: UUID
    position: int
    id: UUID
    file_name: str
    format: str
    sha256: str
    pages: int | None


@dataclass(frozen=True)
class Finding:
    """`quotations`: {document_id, page, text} each."""

    number: int
    kind: str
    severity: str
    title: str
    explanation: str
    quotations: list[Json]


@dataclass(frozen=True)
class Found:
    """What an analysis came to. `dropped`: quotations that stood in no document. `model`: which one was asked."""

    findings: Sequence[Finding]
    summary: str
    dropped: int
    unread: Sequence[Json]
    model: str


# a job is forgotten before its comparison; then what it left tells how it ended
STATUS = (
    "coalesce(job.status, CASE WHEN comparison.finished_at IS NULL THEN 'failed' ELSE 'completed' END) AS status,"
    " job.error, coalesce(job.progress, '{}') AS progress, coalesce(job.partial, false) AS partial"
)
ROW = (
    "comparison.id, comparison.owner, comparison.title, comparison.looks_for, comparison.question, comparison.model,"
    " comparison.language, comparison.report_formats, comparison.job_id, comparison.summary, comparison.dropped,"
    " comparison.unread, comparison.created_at, comparison.finished_at"
)
COLUMNS = f"{ROW}, {STATUS}"
FROM = "comparisons comparison LEFT JOIN jobs job ON job.id = comparison.job_id"

GET = text(f"SELECT {COLUMNS} FROM {FROM} WHERE comparison.id = :id")
LOCK = text("SELECT id FROM comparisons WHERE id = :id AND owner = :owner FOR UPDATE")
PAGE = text(
    f"SELECT {COLUMNS} FROM {FROM} WHERE comparison.owner = :owner"
    " AND (CAST(:before AS timestamptz) IS NULL"
    "  OR (comparison.created_at, comparison.id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))"
    " ORDER BY comparison.created_at DESC, comparison.id DESC LIMIT :limit"
)
INSERT = text(
    "INSERT INTO comparisons (id, owner, title, looks_for, question, model, language, report_formats)"
    " VALUES (:id, :owner, :title, :looks_for, :question, :model, :language, :report_formats)"
)
INSERT_DOCUMENTS = text(
    "INSERT INTO comparison_documents (comparison_id, position, document_id)"
    " SELECT :id, position, document_id"
    " FROM unnest(CAST(:documents AS uuid[])) WITH ORDINALITY AS named (document_id, position)"
)
# whoever deletes a document at the same moment waits for this, and then sees that it is compared
HOLD_DOCUMENTS = text(
    "SELECT id FROM documents WHERE owner = :owner AND id = ANY(:documents) ORDER BY id FOR KEY SHARE"
)
DOCUMENTS = text(
    "SELECT named.comparison_id, named.position, document.id, document.file_name, document.format, document.sha256,"
    " document.pages FROM comparison_documents named JOIN documents document ON document.id = named.document_id"
    " WHERE named.comparison_id = ANY(:ids) ORDER BY named.comparison_id, named.position"
)
SET_JOB = text("UPDATE comparisons SET job_id = :job_id, finished_at = NULL WHERE id = :id")
FINISH = text(
    "UPDATE comparisons SET summary = :summary, dropped = :dropped, unread = :unread, finished_at = now(),"
    " model = CASE WHEN model = '' THEN :model ELSE model END"
    " WHERE id = :id RETURNING id"
).bindparams(bindparam("unread", type_=JSONB))
FORGET_FINDINGS = text("DELETE FROM findings WHERE comparison_id = :id")
INSERT_FINDINGS = text(
    "INSERT INTO findings (comparison_id, number, kind, severity, title, explanation, quotations)"
    " SELECT :id, number, kind, severity, title, explanation, quotations FROM jsonb_to_recordset(:findings) AS found"
    " (number integer, kind text, severity text, title text, explanation text, quotations jsonb)"
).bindparams(bindparam("findings", type_=JSONB))
FINDINGS = text(
    "SELECT number, kind, severity, title, explanation, quotations FROM findings WHERE comparison_id = :id"
    " ORDER BY number"
)
# the files of its reports are let go of with it; what deletes expired files takes their bytes before their rows
RELEASE_REPORTS = text(
    "UPDATE media SET expires_at = now() WHERE id IN (SELECT media_id FROM reports WHERE comparison_id = :id)"
)
DELETE = text("DELETE FROM comparisons WHERE id = :id")
NAMED = text("SELECT document_id FROM comparison_documents WHERE comparison_id = :id")
# those whose job looks again later, because a document of theirs was not read yet
HASTEN = text(
    "WITH ticket AS (UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND scheduled_at > now()"
    "  AND id IN (SELECT job.ticket_id FROM comparison_documents named"
    "   JOIN comparisons comparison ON comparison.id = named.comparison_id JOIN jobs job ON job.id = comparison.job_id"
    "   WHERE named.document_id = :document_id AND job.status = 'processing') RETURNING id, queue_name) "
    "SELECT pg_notify('procrastinate_queue_v1#' || queue_name,"
    " json_build_object('type', 'job_inserted', 'job_id', id)::text) FROM ticket"
)


async def get(connection: AsyncConnection, comparison_id: UUID, owner: str) -> Comparison | None:
    row = (await connection.execute(GET, {"id": comparison_id})).mappings().first()
    return Comparison(**row) if row and row["owner"] == owner else None


async def lock(connection: AsyncConnection, comparison_id: UUID, owner: str) -> bool:
    """Whether there is one; until the transaction ends nobody else begins, ends or deletes it."""
    return (await connection.execute(LOCK, {"id": comparison_id, "owner": owner})).first() is not None


async def page(
    connection: AsyncConnection, owner: str, limit: int, *, before: tuple[datetime, UUID] | None = None
) -> list[Comparison]:
    """Newest first. `before`: `created_at` and id of the last comparison of the page before this one."""
    moment, comparison_id = before or (None, None)
    values = {"owner": owner, "limit": limit, "before": moment, "before_id": comparison_id}
    return [Comparison(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def hold_documents(connection: AsyncConnection, owner: str, documents: Sequence[UUID]) -> set[UUID]:
    """Those of them that the owner has; from here to the end of the transaction they stay."""
    return set((await connection.execute(HOLD_DOCUMENTS, {"owner": owner, "documents": list(documents)})).scalars())


async def insert(
    connection: AsyncConnection, comparison_id: UUID, owner: str, documents: Sequence[UUID], **asked: Any
) -> None:
    """`asked`: title, looks_for, question, model, language and report_formats. Nobody answers it yet."""
    await connection.execute(INSERT, {"id": comparison_id, "owner": owner, **asked})
    await connection.execute(INSERT_DOCUMENTS, {"id": comparison_id, "documents": list(documents)})
    await touch(connection, documents)


async def documents_of(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, list[Compared]]:
    """By comparison, in the order in which they were named."""
    found: dict[UUID, list[Compared]] = {each: [] for each in ids}
    for row in (await connection.execute(DOCUMENTS, {"ids": list(ids)})).mappings():
        found[row["comparison_id"]].append(Compared(**row))
    return found


async def set_job(connection: AsyncConnection, comparison_id: UUID, job_id: UUID) -> None:
    """This job answers it from now on; what was found before is there until something else is."""
    await connection.execute(SET_JOB, {"id": comparison_id, "job_id": job_id})


async def finish(connection: AsyncConnection, comparison_id: UUID, found: Found) -> bool:
    """In place of what an earlier analysis came to; False where the comparison was deleted meanwhile."""
    values = {
        "id": comparison_id, "summary": found.summary, "dropped": found.dropped, "unread": list(found.unread),
        "model": found.model,
    }  # fmt: skip
    if (await connection.execute(FINISH, values)).first() is None:
        return False
    await connection.execute(FORGET_FINDINGS, {"id": comparison_id})
    if found.findings:
        findings = [vars(each) for each in found.findings]
        await connection.execute(INSERT_FINDINGS, {"id": comparison_id, "findings": findings})
    return True


async def findings_of(connection: AsyncConnection, comparison_id: UUID) -> list[Finding]:
    return [Finding(**row) for row in (await connection.execute(FINDINGS, {"id": comparison_id})).mappings()]


async def delete(connection: AsyncConnection, comparison_id: UUID) -> None:
    """Its documents stay for as long as if they had been used now: one may want to compare them again."""
    await touch(connection, list((await connection.execute(NAMED, {"id": comparison_id})).scalars()))
    await connection.execute(RELEASE_REPORTS, {"id": comparison_id})
    await connection.execute(DELETE, {"id": comparison_id})


async def hasten(connection: AsyncConnection, document_id: UUID) -> None:
    """The document was read, or never will be: whoever waits for that looks at once."""
    await connection.execute(HASTEN, {"document_id": document_id})
