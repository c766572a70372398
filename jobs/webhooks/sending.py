"""One attempt at one webhook: signed at this moment, sent outside any transaction, and what came of it written down.

Found `sending` after a crash it is sent again, under the same id: receivers know it by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.commit import commit
from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery import webhook_endpoints as endpoints
from jobs.db.delivery.deliveries import LEASE_SECONDS, Delivery
from jobs.db.delivery.webhook_deliveries import Ended
from jobs.db.delivery.webhook_endpoints import Endpoint
from jobs.db.session import Database
from jobs.delivery.signed_webhook import Attempt, SignedWebhook, Trouble
from jobs.errors import TemporaryError
from jobs.signatures import SigningKey, sign
from jobs.webhooks import failing
from jobs.webhooks.plan import send_tickets
from jobs.webhooks.schedule import LONGEST_TICKET_WAIT, wait_after
from jobs.webhooks.windows import Windows

log = structlog.get_logger()


@dataclass(frozen=True)
class Sending:
    """What a worker needs to send webhooks, built once. `keys` sign beside the endpoint's own secrets."""

    sender: SignedWebhook
    keys: Sequence[SigningKey]
    windows: Windows = field(default_factory=Windows)


async def send(database: Database, sending: Sending, delivery: Delivery, endpoint: Endpoint | None) -> None:
    """`delivery` was taken. Raises TemporaryError when its ticket is to wait for the next attempt."""
    if endpoint is None:
        await _give_up(database, delivery)
    elif endpoint.disabled_at is not None:
        await _put_back(database, sending, delivery, endpoint, "held")
    elif (place := sending.windows.enter(endpoint.id)) is None:
        await _put_back(database, sending, delivery, endpoint, "pending")
    else:
        await _attempt(database, sending, delivery, endpoint, place)


def require_taken(delivery: Delivery) -> bool:
    """Is it ours to send? Raises TemporaryError while another worker may still be sending it."""
    if delivery.status == "sending" and not delivery.taken and delivery.sending_at:
        left = LEASE_SECONDS - (datetime.now(UTC) - delivery.sending_at).total_seconds()
        raise TemporaryError("Another worker is sending this.", retry_in=max(0.1, left), code="being_sent")
    return delivery.taken


async def _attempt(database: Database, sending: Sending, delivery: Delivery, endpoint: Endpoint, place: float) -> None:
    attempt: Attempt | None = None
    try:
        attempt = await sending.sender.send(endpoint.url, delivery.body or b"", _headers(sending, delivery, endpoint))
    finally:
        arrived = attempt is not None and attempt.trouble is None
        sending.windows.leave(endpoint.id, place, success=arrived)
    known, room = attempt, sending.windows.room(endpoint.id)
    waits: list[float] = []

    async def write(connection: AsyncConnection) -> None:
        waits.clear()
        wait = await _record(connection, delivery, endpoint, known, room)
        if wait is not None:
            waits.append(wait)

    await commit(database, write)
    if known.trouble and waits:
        raise TemporaryError(known.trouble.detail, retry_in=waits[0], code="not_delivered")


def _headers(sending: Sending, delivery: Delivery, endpoint: Endpoint) -> dict[str, str]:
    now = datetime.now(UTC)
    signed = sign(delivery.webhook_id or "", now, delivery.body or b"", endpoint.secrets_at(now), sending.keys)
    extra = {"webhook-attempt": str(_tries(delivery))}
    if delivery.payload.get("replay"):
        extra["webhook-replay"] = "true"
    return {**signed, **extra}


async def _record(
    connection: AsyncConnection, delivery: Delivery, endpoint: Endpoint, attempt: Attempt, room: int
) -> float | None:
    """Seconds for which its ticket waits before the next attempt; None when the ticket has done its work."""
    if attempt.trouble is None:
        # the endpoint's row is locked before those of its deliveries, here as everywhere
        await endpoints.note_success(connection, endpoint.id)
        if await deliveries.end(connection, delivery.id, delivery.attempt, _ended(attempt, "sent")):
            await _go_on(connection, delivery, endpoint, ended=True, room=room)
        return None
    return await _record_failure(connection, delivery, endpoint, attempt, attempt.trouble, room)


async def _record_failure(
    connection: AsyncConnection, delivery: Delivery, endpoint: Endpoint, attempt: Attempt, trouble: Trouble, room: int
) -> float | None:
    wait = wait_after(_tries(delivery), attempt.retry_after)
    due = datetime.now(UTC) + timedelta(seconds=wait) if wait is not None else None
    parked = wait is not None and wait > LONGEST_TICKET_WAIT
    ended = _ended(attempt, "pending" if due else "failed", due, parked=parked)
    now = await endpoints.note_failure(connection, endpoint.id)
    if not await deliveries.end(connection, delivery.id, delivery.attempt, ended):
        return None  # another worker was given it meanwhile
    log.warning(
        "webhook not delivered", delivery_id=delivery.id, endpoint_id=str(endpoint.id), url=endpoint.url,
        attempt=delivery.attempt, code=trouble.code, reason=trouble.detail, again_in=wait and round(wait),
    )  # fmt: skip
    if now is not None and await failing.is_disabled(connection, now, gone=trouble.code == "gone"):
        # this one, too, is kept: what its endpoint could not take is sent when it can
        await deliveries.hold(connection, endpoint.id)
        return None
    await _go_on(connection, delivery, endpoint, ended=due is None, room=room)
    return None if parked else wait


async def _go_on(
    connection: AsyncConnection, delivery: Delivery, endpoint: Endpoint, *, ended: bool, room: int
) -> None:
    """At the endpoint is `room` for so many, and perhaps the chain goes on."""
    following = await deliveries.next_ones(connection, endpoint.id, delivery.job_id, ended=ended, most=room)
    await send_tickets(connection, following)


async def _put_back(database: Database, sending: Sending, delivery: Delivery, endpoint: Endpoint, status: str) -> None:
    async with database.transaction() as connection:
        await deliveries.put_back(connection, delivery.id, delivery.attempt, status)
    room = sending.windows.room(endpoint.id)
    if status == "pending" and room:
        # what kept it from being sent has ended before it was parked, and so did not see it
        async with database.transaction() as connection:
            await _go_on(connection, delivery, endpoint, ended=False, room=room)


async def _give_up(database: Database, delivery: Delivery) -> None:
    error = {"code": "endpoint_deleted", "detail": "The endpoint was deleted before this was sent."}
    ended = Ended("failed", "not_sent", error)
    async with database.transaction() as connection:
        await deliveries.end(connection, delivery.id, delivery.attempt, ended)


def _tries(delivery: Delivery) -> int:
    """Attempts since it was planned, or sent anew by a person."""
    return delivery.attempt - int(delivery.payload.get("tries_before", 0))


def _ended(attempt: Attempt, status: str, due: datetime | None = None, *, parked: bool = False) -> Ended:
    error = None
    if attempt.trouble:
        error = {"code": attempt.trouble.code, "detail": attempt.trouble.detail}
    if error and due:
        error["retry_at"] = due.isoformat()
    return Ended(
        status,
        "not_sent" if error else "sent",
        error,
        status_code=attempt.status_code,
        answer=attempt.answer,
        latency_ms=attempt.latency_ms,
        retry_at=due if parked else None,
    )
