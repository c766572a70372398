"""/v1/comparisons: have documents compared, read what was found, delete it."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.answers import comparison_answer
from api.answers.comparison_answer import ComparisonPage, WholeComparison
from api.answers.paging import cursor_of, place_of
from api.authentication import JobsCaller
from api.openapi import problem_response
from api.requests import comparison_making, comparison_removal, idempotency
from api.requests.acceptance import Acceptance
from api.requests.comparison_making import ComparisonRequest
from api.requests.idempotency import Answer
from jobs.db.analyses import comparisons
from jobs.db.analyses.comparisons import Comparison
from jobs.db.work.jobs import Json
from jobs.errors import NotFound

router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"])

IdempotencyKey = Annotated[
    str | None,
    Header(description="1 to 255 characters. A repeated request with the same key gets the first one's answer again."),
]


@router.post(
    "",
    status_code=202,
    summary="Compare documents",
    response_model=WholeComparison,
    responses={
        202: {"description": "Accepted. `Location` is where to read the comparison."},
        409: problem_response("The first request with this Idempotency-Key is still being served"),
    },
)
async def create(
    request: Request,
    caller: JobsCaller,
    body: Annotated[ComparisonRequest, Body()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The comparison and its job `run_ollama_analysis` are made in one transaction. The job's events tell how far it
    is; cancel it or try it again there.
    """
    del idempotency_key  # read from the request where it is needed
    state = request.app.state
    async with state.database.transaction() as connection:

        async def make() -> Answer:
            job = await comparison_making.make(Acceptance(connection, caller, state.intake, state.personas), body)
            shown = await _whole(request, connection, await _own(connection, caller, UUID(job.input["comparison_id"])))
            return Answer(202, shown, {"Location": shown["urls"]["self"]})

        answer = await idempotency.once(connection, request, caller.owner, make)
    return answer.response()


@router.get("", summary="List comparisons, the newest first", response_model=ComparisonPage)
async def list_comparisons(
    request: Request,
    caller: JobsCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    async with request.app.state.database.transaction() as connection:
        found = await comparisons.page(connection, caller.owner, limit + 1, before=place_of(cursor))
        shown, more = found[:limit], len(found) > limit
        views = await _views(request, connection, shown)
    following = cursor_of(shown[-1].created_at, shown[-1].id) if more else None
    return JSONResponse({"comparisons": views, "has_more": more, "next": following})


@router.get("/{comparison_id}", summary="Read a comparison", response_model=WholeComparison)
async def read(request: Request, caller: JobsCaller, comparison_id: UUID) -> Response:
    """With its findings, once there are some."""
    async with request.app.state.database.transaction() as connection:
        shown = await _whole(request, connection, await _own(connection, caller, comparison_id))
    return JSONResponse(shown)


@router.delete("/{comparison_id}", status_code=204, summary="Delete a comparison", response_class=Response)
async def delete(request: Request, caller: JobsCaller, comparison_id: UUID) -> Response:
    """With its findings and reports; the documents stay. If it is still being analysed, that is stopped."""
    state = request.app.state
    async with state.database.transaction() as connection:
        await comparison_removal.remove(connection, state.intake, caller.owner, comparison_id)
    return Response(status_code=204)


async def _own(connection: AsyncConnection, caller: JobsCaller, comparison_id: UUID) -> Comparison:
    found = await comparisons.get(connection, comparison_id, caller.owner)
    if found is None:
        raise NotFound(f"There is no comparison {comparison_id}.")
    return found


async def _whole(request: Request, connection: AsyncConnection, found: Comparison) -> Json:
    documents = (await comparisons.documents_of(connection, [found.id]))[found.id]
    findings = await comparisons.findings_of(connection, found.id)
    return comparison_answer.whole_view(found, documents, findings, request.app.state.public_url)


async def _views(request: Request, connection: AsyncConnection, found: Sequence[Comparison]) -> list[Json]:
    documents = await comparisons.documents_of(connection, [each.id for each in found])
    return [comparison_answer.view(each, documents[each.id], request.app.state.public_url) for each in found]
