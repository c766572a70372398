"""/v1/replays: send an endpoint's webhooks of a stretch of time anew, as a job with progress that can be cancelled."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.answers import job_answer
from api.answers.job_answer import JobAnswer
from api.authentication import Caller, JobsCaller
from api.openapi import problem_response
from api.requests import idempotency
from api.requests.idempotency import Answer
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.errors import Conflict, InvalidInput, NotFound
from jobs.kinds.contract import NewJob
from jobs.webhooks import endpoints, event_types

router = APIRouter(prefix="/v1/replays", tags=["webhooks"])

KIND = "replay_deliveries"


class NewReplay(BaseModel):
    """What was planned for the endpoint from `since` until before `until` (now, if left out)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "endpoint_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "since": "2026-10-04T00:00:00Z",
                "statuses": ["failed"],
            }
        },
    )  # fmt: skip

    endpoint_id: UUID
    since: AwareDatetime
    until: AwareDatetime | None = None
    events: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=event_types.MOST,
        description="Types of events, `job.*`; all, if left out.",
    )
    statuses: list[Literal["sent", "failed", "unknown"]] = Field(
        default=["sent", "failed", "unknown"], min_length=1, max_length=3
    )


@router.post(
    "",
    status_code=202,
    summary="Replay deliveries",
    response_model=JobAnswer,
    responses={
        202: {"description": "Accepted. `Location` is where to follow it; `urls.cancel` stops it."},
        409: problem_response("The endpoint is disabled, or the Idempotency-Key is in use"),
    },
)
async def create(
    request: Request,
    caller: JobsCaller,
    body: NewReplay,
    idempotency_key: Annotated[str | None, Header(description="1 to 255 characters, as for POST /v1/jobs.")] = None,
) -> Response:
    """Each goes out with the same webhook-id and body as before, and the header `webhook-replay: true`."""
    del idempotency_key  # read from the request where it is needed
    async with request.app.state.database.transaction() as connection:

        async def make() -> Answer:
            return await _accepted(request, caller, connection, body)

        answer = await idempotency.once(connection, request, caller.owner, make)
    return answer.response()


@router.get("/{replay_id}", summary="Follow a replay", response_model=JobAnswer)
async def read(request: Request, caller: JobsCaller, replay_id: UUID) -> Response:
    """The job that does it. `POST /v1/jobs/{id}/cancel` takes back what has not gone out yet."""
    async with request.app.state.database.transaction() as connection:
        job = await job_rows.get(connection, replay_id)
        if job is None or job.owner != caller.owner or job.kind != KIND:
            raise NotFound(f"There is no replay {replay_id}.")
        return JSONResponse(await _view(request, connection, job))


async def _accepted(request: Request, caller: Caller, connection: AsyncConnection, body: NewReplay) -> Answer:
    endpoint = await endpoints.find(connection, caller.owner, body.endpoint_id)
    if endpoint.disabled_at is not None:
        raise Conflict(
            "The endpoint is disabled. Enable it first: what is held for it is sent then.", code="endpoint_disabled"
        )
    new = NewJob(KIND, _input(body), caller.owner)
    job = await request.app.state.intake.submit(connection, new)
    view = await _view(request, connection, job)
    return Answer(202, view, {"Location": f"{request.app.state.public_url}/v1/replays/{job.id}"})


def _input(body: NewReplay) -> dict[str, Any]:
    until = body.until or datetime.now(UTC)
    if until <= body.since:
        errors = [{"pointer": "/since", "detail": "is not before until"}]
        raise InvalidInput("Nothing lies between since and until.", errors=errors)
    events = event_types.checked(body.events) if body.events else ["*"]
    return {
        "endpoint_id": str(body.endpoint_id),
        "since": body.since.isoformat(),
        "until": until.isoformat(),
        "events": events,
        "statuses": list(dict.fromkeys(body.statuses)),
    }


async def _view(request: Request, connection: AsyncConnection, job: Job) -> dict[str, Any]:
    [view] = await job_answer.views(connection, [job], request.app.state.public_url)
    return view
