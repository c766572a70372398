"""GET /v1/comparisons/{id}/report: the report of a comparison that has completed, in any format."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from api.answers import job_answer
from api.answers.job_answer import JobAnswer
from api.answers.report_answer import Pending, report_answer
from api.authentication import JobsCaller
from api.openapi import problem_response
from jobs.reports.formats import FORMATS, ReportFormat

router = APIRouter(prefix="/v1/comparisons", tags=["documents"])

TRY_AGAIN_SECONDS = 2
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {each.content_type: {"schema": {"type": "string"}} for each in FORMATS.values()},
    },
    202: {"model": JobAnswer, "description": "It is being made, by this job. Ask again after `Retry-After`."},
    409: problem_response("The comparison has not completed"),
}


@router.get("/{comparison_id}/report", response_class=StreamingResponse, responses=ANSWERS, summary="Read the report")
async def read(
    request: Request,
    caller: JobsCaller,
    comparison_id: UUID,
    report_format: Annotated[
        ReportFormat | None, Query(alias="format", description="The first that was asked for, if left out.")
    ] = None,
) -> Response:
    """All formats say the same. One that was not asked for with the comparison is made now, which takes a moment."""
    found = await report_answer(request, caller.owner, comparison_id, report_format)
    if not isinstance(found, Pending):
        return found
    state = request.app.state
    async with state.database.statement() as connection:
        [view] = await job_answer.views(connection, [found.job], state.public_url, state.lines)
    return JSONResponse(view, 202, {"Location": view["urls"]["self"], "Retry-After": str(TRY_AGAIN_SECONDS)})
