"""A report as an answer: the stored file, or what is known of the job that makes it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response, StreamingResponse

from api.answers.file_names import disposition
from jobs.db.analyses import report_jobs, reports
from jobs.db.analyses.reports import StoredComparison, StoredReport
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.errors import Conflict, NotFound, PermanentError
from jobs.kinds.contract import NewJob
from jobs.media import MediaStore
from jobs.reports.formats import FORMATS, file_name
from jobs.reports.model import report_of
from jobs.reports.rendering import render

# made from text by text, in a few milliseconds: these need no worker
AT_ONCE = ("html", "md")
# somebody waits for it: before the parts of other analyses
PRIORITY = 9
WAIT_SECONDS = 20


@dataclass(frozen=True)
class Pending:
    """The report is being made by this job, and was not there in time."""

    job: Job


async def report_answer(request: Request, owner: str, comparison_id: UUID, fmt: str | None) -> Response | Pending:
    """`fmt` None: the first that was asked for. Raises NotFound, Conflict, or what the report's job failed of."""
    state = request.app.state
    async with state.database.transaction() as connection:
        comparison = await finished_comparison(connection, owner, comparison_id)
        chosen = fmt or next(iter(comparison.report_formats), "pdf")
        found = (await reports.stored(connection, comparison_id)).get(chosen)
    if found is None and chosen in AT_ONCE:
        return _whole(comparison, chosen, await asyncio.to_thread(render, report_of(comparison), chosen))
    if found is not None and (answer := await _from_store(state.media, comparison, found)):
        return answer
    job = await _made_by(request, comparison, chosen)
    if job.status in ("pending", "processing"):
        return Pending(job)
    async with state.database.statement() as connection:
        found = (await reports.stored(connection, comparison_id)).get(chosen)
    answer = await _from_store(state.media, comparison, found) if found else None
    if answer is None:
        error = job.error or {"detail": "The report was not made. Ask for it once more.", "code": "cancelled"}
        raise PermanentError(error["detail"], code=error["code"], blame=error.get("blame", "platform"))
    return answer


async def finished_comparison(connection: AsyncConnection, owner: str, comparison_id: UUID) -> StoredComparison:
    """Raises NotFound, and Conflict as long as there is nothing to report."""
    comparison = await reports.read(connection, comparison_id)
    if comparison is None or comparison.owner != owner:
        raise NotFound(f"There is no comparison {comparison_id}.")
    job = await job_rows.get(connection, comparison.job_id) if comparison.job_id else None
    status = job.status if job else ("completed" if comparison.finished_at else "failed")
    if status != "completed":
        remedy = "Retry it first." if status in ("failed", "cancelled", "expired") else "Wait until it has completed."
        raise Conflict(f"The comparison is {status}, so it has no report. {remedy}", code="no_report_yet")
    return comparison


async def _made_by(request: Request, comparison: StoredComparison, fmt: str) -> Job:
    """The job that makes it, once it has ended or has taken long."""
    state = request.app.state
    async with state.database.transaction() as connection:
        job_id = await report_jobs.find_open(connection, comparison.owner, comparison.id, fmt)
        if job_id is None:
            asked = {"comparison_id": str(comparison.id), "formats": [fmt]}
            job = await state.intake.submit(
                connection, NewJob("make_report", asked, comparison.owner, priority=PRIORITY)
            )
            job_id = job.id
    ended: Job | None = await state.hub.wait_for_end(state.database, job_id, WAIT_SECONDS)
    if ended is None:
        raise NotFound(f"There is no comparison {comparison.id}.")
    return ended


async def _from_store(store: MediaStore, comparison: StoredComparison, found: StoredReport) -> Response | None:
    """None where the bytes are gone: then it is made anew."""
    try:
        chunks: AsyncIterator[bytes] = await store.open_range(found.key, 0, found.size)
    except FileNotFoundError:
        return None
    return StreamingResponse(chunks, headers=_headers(comparison, found.format, found.size))


def _whole(comparison: StoredComparison, fmt: str, content: bytes) -> Response:
    return Response(content, headers=_headers(comparison, fmt, len(content)))


def _headers(comparison: StoredComparison, fmt: str, size: int) -> dict[str, str]:
    # always saved, never shown: what is in it comes from elsewhere
    return {
        "Content-Type": FORMATS[fmt].content_type,
        "Content-Length": str(size),
        "Content-Disposition": disposition("attachment", f"report.{fmt}", file_name(comparison.title, fmt)),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
