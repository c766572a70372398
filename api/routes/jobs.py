"""/v1/jobs: ask for work, follow it, cancel it, try it again."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.answers import job_answer
from api.answers.job_answer import DryRun, JobAnswer, JobPage, JobTree, Status
from api.answers.paging import cursor_of, place_of
from api.authentication import Caller, JobsCaller
from api.openapi import problem_response
from api.requests import idempotency
from api.requests.acceptance import Acceptance
from api.requests.idempotency import Answer
from api.requests.job_request import AnyJobRequest, KindRequest
from api.requests.prefer import wait_seconds
from jobs.db.work import job_list, trees
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job, Json
from jobs.errors import NotFound
from jobs.trees import counts

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

LARGEST_TREE = 2000
ENDED = {"completed", "failed", "cancelled", "expired"}

Prefer = Annotated[
    str | None, Header(description="`wait=30` holds the answer until the job has ended, for 60 seconds at most.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(description="1 to 255 characters. A repeated request with the same key gets the first one's answer again."),
]
Kind = Annotated[str, Query(pattern="^[a-z0-9_]{1,64}$")]


@router.post(
    "",
    status_code=202,
    summary="Ask for work",
    response_model=JobAnswer,
    responses={
        200: {"model": JobAnswer | DryRun, "description": "The job has ended while it was waited for; or a dry run."},
        202: {"description": "Accepted. `Location` is where to read the job."},
        409: problem_response("The first request with this Idempotency-Key is still being served"),
    },
)
async def create(
    request: Request,
    caller: JobsCaller,
    body: Annotated[AnyJobRequest, Body()],
    dry_run: Annotated[
        bool, Query(description="Check the request and say where it would wait and for how long. Nothing is created.")
    ] = False,
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Checked, stored and queued in one transaction: once this answers, a crash of any process loses nothing."""
    del prefer, idempotency_key  # read from the request where they are needed
    if dry_run:
        return await _dry_run(request, caller, body)
    async with request.app.state.database.transaction() as connection:

        async def make() -> Answer:
            job = await _acceptance(request, caller, connection).accept(body)
            return await _accepted(request, connection, job)

        answer = await idempotency.once(connection, request, caller.owner, make)
    if answer.replayed:
        return answer.response()
    return await _when_ended(request, UUID(answer.body["id"])) or answer.response()


@router.get("", summary="List jobs, the newest first", response_model=JobPage)
async def list_jobs(
    request: Request,
    caller: JobsCaller,
    kind: Annotated[list[Kind], Query(max_length=20)] = [],  # noqa: B006 - FastAPI copies it
    status: Annotated[list[Status], Query(max_length=6)] = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    async with request.app.state.database.statement() as connection:
        found = await job_list.page(
            connection, caller.owner, limit + 1, kinds=kind, statuses=status, before=place_of(cursor)
        )
        shown, more = found[:limit], len(found) > limit
        views = await _views(request, connection, shown)
    following = cursor_of(shown[-1].created_at, shown[-1].id) if more else None
    return JSONResponse({"jobs": views, "has_more": more, "next": following})


@router.get("/{job_id}", summary="Read a job", response_model=JobAnswer)
async def read(request: Request, caller: JobsCaller, job_id: UUID, prefer: Prefer = None) -> Response:
    """It can be read from the moment in which it was accepted until `expires_at`, however it ended."""
    del prefer
    async with request.app.state.database.statement() as connection:
        job = await _own(connection, caller, job_id)
        [view] = await _views(request, connection, [job])
    waited = None if job.status in ENDED else await _when_ended(request, job_id)
    return waited or JSONResponse(view)


@router.get("/{job_id}/tree", summary="Read a job and what came from it", response_model=JobTree)
async def tree(request: Request, caller: JobsCaller, job_id: UUID) -> Response:
    """The first two thousand jobs, level by level. The root's `progress` counts all of them as they are now."""
    async with request.app.state.database.statement() as connection:
        found = await job_list.tree(connection, job_id, caller.owner, LARGEST_TREE)
        if not found:
            raise NotFound(f"There is no job {job_id}.")
        views = await _views(request, connection, found)
        if found[0].waits_for_steps:
            views[0]["progress"] = counts.progress(await trees.counts(connection, job_id))
    return JSONResponse(job_answer.nested(found, views))


@router.post("/{job_id}/cancel", summary="Cancel a job", response_model=JobAnswer)
async def cancel(request: Request, caller: JobsCaller, job_id: UUID) -> Response:
    """A job that waits is cancelled at once; one that runs is asked to stop, and reads `cancelling` until it has.

    So is everything below it.

    A job that has ended stays as it is, so asking twice does no harm.
    """
    async with request.app.state.database.transaction() as connection:
        job = await request.app.state.intake.cancel(connection, job_id, caller.owner)
        [view] = await _views(request, connection, [job])
    return JSONResponse(view)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    summary="Try a job again",
    response_model=JobAnswer,
    responses={409: problem_response("The job is open, or all of it has completed")},
)
async def retry(request: Request, caller: JobsCaller, job_id: UUID) -> Response:
    """A job that failed, was cancelled or expired waits again, under the same id and with all its tries.

    Of a job with steps below it only those are run again that had no result, also if it completed without them
    (`partial`). A step is run again with what was closed because of it, and its root goes on.
    """
    async with request.app.state.database.transaction() as connection:
        await _own(connection, caller, job_id)
        await _acceptance(request, caller, connection).require_room()
        job = await request.app.state.intake.retry(connection, job_id, caller.owner)
        answer = await _accepted(request, connection, job)
    return answer.response()


async def _dry_run(request: Request, caller: Caller, body: KindRequest) -> Response:
    """Accepted like any other, and then rolled back: so it says what the real request would."""
    async with request.app.state.database.engine.connect() as connection:
        job = await _acceptance(request, caller, connection).accept(body)
        [view] = await _views(request, connection, [job])
        lane = await job_list.lane_in_words(connection, job.id)
    shown = DryRun(kind=job.kind, queue=job.queue, lane=lane, position=view["position"], eta=view["eta"])
    return JSONResponse(shown.model_dump())


def _acceptance(request: Request, caller: Caller, connection: AsyncConnection) -> Acceptance:
    return Acceptance(connection, caller, request.app.state.intake, request.app.state.personas)


async def _accepted(request: Request, connection: AsyncConnection, job: Job) -> Answer:
    [view] = await _views(request, connection, [job])
    return Answer(202, view, {"Location": view["urls"]["self"]})


async def _when_ended(request: Request, job_id: UUID) -> Response | None:
    """The job once it has ended, if that was preferred and came in time."""
    seconds = wait_seconds(request)
    if not seconds:
        return None
    request.state.answer_headers["Preference-Applied"] = f"wait={seconds}"
    state = request.app.state
    job: Job | None = await state.hub.wait_for_end(state.database, job_id, seconds)
    if job is None or job.status not in ENDED:
        return None
    async with state.database.statement() as connection:
        [view] = await _views(request, connection, [job])
    return JSONResponse(view)


async def _views(request: Request, connection: AsyncConnection, jobs: Sequence[Job]) -> list[Json]:
    state = request.app.state
    return await job_answer.views(connection, jobs, state.public_url, state.lines)


async def _own(connection: AsyncConnection, caller: Caller, job_id: UUID) -> Job:
    job = await job_rows.get(connection, job_id)
    if job is None or job.owner != caller.owner:
        raise NotFound(f"There is no job {job_id}.")
    return job
