"""/v1/deliveries: what was sent to your endpoints, and what they answered."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from api.authentication import JobsCaller
from api.openapi import problem_response
from jobs.db.delivery import delivery_log
from jobs.db.delivery.delivery_log import LoggedDelivery
from jobs.errors import NotFound
from jobs.webhooks.again import redeliver as send_again

router = APIRouter(prefix="/v1/deliveries", tags=["webhooks"])

Status = Literal["pending", "sending", "sent", "unknown", "held", "failed"]
DeliveryId = Annotated[int, Path(ge=1, lt=2**63)]


class Failure(BaseModel):
    """`code`: timeout, connection, dns, tls, refused_address, protocol, url, redirect, gone, http, …"""

    code: str
    detail: str


class DeliveryAnswer(BaseModel):
    """One event to one endpoint. `error`: of the newest attempt. `attempt`: how many there were."""

    id: int
    endpoint_id: UUID | None
    url: str
    webhook_id: str
    event_type: str
    event_seq: int | None = Field(description="The number of the job's event.")
    job_id: UUID | None
    status: Status
    attempt: int
    error: Failure | None
    replay: bool = Field(description="It was sent anew after it had come to its end.")
    size: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class AttemptAnswer(BaseModel):
    number: int
    outcome: Literal["sent", "not_sent", "unknown"]
    error: Failure | None
    status_code: int | None
    latency_ms: int | None
    answer: str | None = Field(description="The first 4 kB of what the receiver said.")
    started_at: datetime | None
    finished_at: datetime


class WholeDelivery(DeliveryAnswer):
    """With its attempts, the newest first, a hundred at most."""

    body: str
    attempts: list[AttemptAnswer]


class DeliveryPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    deliveries: list[DeliveryAnswer]
    has_more: bool
    next: str | None


@router.get("", summary="List deliveries, the newest first")
async def list_deliveries(
    request: Request,
    caller: JobsCaller,
    endpoint: UUID | None = None,
    job: UUID | None = None,
    status: Annotated[list[Status], Query(max_length=6)] = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(pattern="^[1-9][0-9]{0,17}$")] = None,
) -> DeliveryPage:
    async with request.app.state.database.statement() as connection:
        found = await delivery_log.page(
            connection,
            caller.owner,
            limit + 1,
            before=int(cursor) if cursor else None,
            endpoint_id=endpoint,
            job_id=job,
            statuses=status,
        )
    shown, more = found[:limit], len(found) > limit
    answers = [DeliveryAnswer(**vars(each)) for each in shown]
    return DeliveryPage(deliveries=answers, has_more=more, next=str(shown[-1].id) if more else None)


@router.get("/{delivery_id}", summary="Read a delivery and its attempts")
async def read(request: Request, caller: JobsCaller, delivery_id: DeliveryId) -> WholeDelivery:
    async with request.app.state.database.transaction() as connection:
        found = await _own(connection, caller.owner, delivery_id)
        body = await delivery_log.body(connection, caller.owner, delivery_id)
        attempts = await delivery_log.attempts(connection, delivery_id)
    shown = [AttemptAnswer(**vars(each)) for each in attempts]
    return WholeDelivery(body=body.decode(), attempts=shown, **vars(found))


@router.post(
    "/{delivery_id}/redeliver",
    status_code=202,
    summary="Send it again, now",
    responses={409: problem_response("The endpoint is disabled, or was deleted")},
)
async def redeliver(request: Request, caller: JobsCaller, delivery_id: DeliveryId) -> DeliveryAnswer:
    """The same webhook-id and the same body. One that waits for its next attempt gets it now."""
    async with request.app.state.database.transaction() as connection:
        found = await _own(connection, caller.owner, delivery_id)
        await send_again(connection, found.id, found.endpoint_id, caller.owner)
        now = await _own(connection, caller.owner, delivery_id)
    return DeliveryAnswer(**vars(now))


async def _own(connection: Any, owner: str, delivery_id: int) -> LoggedDelivery:
    found = await delivery_log.one(connection, owner, delivery_id)
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return found
