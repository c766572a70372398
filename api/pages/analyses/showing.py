"""One analysis: how far it is, its report, and what can be done with it."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from markupsafe import Markup
from starlette.responses import Response

from api.answers.report_answer import Pending, report_answer
from api.pages.analyses.progress_words import progress_words, stage_patterns
from api.pages.failure_words import error_words
from api.pages.rendering import page, page_router, part, told
from api.pages.visits import Member, MemberVisit
from api.pages.words import words
from jobs.companion.wording import say
from jobs.db.analyses import comparisons, reports
from jobs.db.analyses.comparisons import Comparison
from jobs.db.analyses.reports import StoredComparison
from jobs.errors import NotFound
from jobs.reports.formats import FORMATS, ReportFormat
from jobs.reports.html_report import body
from jobs.reports.labels import looks_for
from jobs.reports.model import report_of

router = page_router("/analyses")


@router.get("/{comparison_id}")
async def show(visit: Member, comparison_id: UUID) -> Response:
    return page(visit, "analyses/analysis.html", **await _shown(visit, comparison_id))


@router.get("/{comparison_id}/state")
async def state(visit: Member, comparison_id: UUID) -> Response:
    """What changes while the page is open."""
    return part(visit, "analyses/state.html", **await _shown(visit, comparison_id))


@router.get("/{comparison_id}/report")
async def report(
    visit: Member, comparison_id: UUID, report_format: Annotated[ReportFormat | None, Query(alias="format")] = None
) -> Response:
    found = await report_answer(visit.request, visit.caller.owner, comparison_id, report_format)
    if not isinstance(found, Pending):
        return found
    texts = words(visit.locale)
    return told(visit, texts["report"], texts["report_soon"], status=202, onward=visit.where)


async def _shown(visit: MemberVisit, comparison_id: UUID) -> dict[str, Any]:
    async with visit.request.app.state.database.transaction() as connection:
        comparison = await comparisons.get(connection, comparison_id, visit.caller.owner)
        if comparison is None:
            raise NotFound(f"There is no comparison {comparison_id}.")
        documents = (await comparisons.documents_of(connection, [comparison_id]))[comparison_id]
        found = await reports.read(connection, comparison_id) if comparison.status == "completed" else None
    report_body = await asyncio.to_thread(_report_body, found) if found else None
    names = looks_for(visit.locale)
    return {
        "comparison": comparison,
        "documents": documents,
        "looks_for": ", ".join(names.get(each, each) for each in comparison.looks_for),
        "progress": progress_words(visit.locale, comparison),
        "stages": stage_patterns(visit.locale),
        "errors": _errors(visit.locale, comparison),
        "formats": FORMATS,
        "report_body": report_body,
        "report_locale": comparison.language,
    }


def _errors(locale: str, comparison: Comparison) -> list[str]:
    """Also of a comparison whose job was forgotten before it had a result."""
    if comparison.status == "failed" and comparison.job_id is None:
        return [say(locale, "pages.analysis_forgotten")]
    return error_words(locale, comparison.error)


def _report_body(comparison: StoredComparison) -> Markup:
    """The report as it is in its HTML file, escaped there already."""
    return Markup(body(report_of(comparison)))  # noqa: S704 - made by a template that escapes
