"""An endpoint that takes nothing: when is it disabled, and who is told on the way there?"""

from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery import webhook_endpoints as endpoints
from jobs.db.delivery.webhook_endpoints import Endpoint
from jobs.webhooks.body import event_body, webhook_id
from jobs.webhooks.event_types import FAILING, names_of
from jobs.webhooks.plan import send_tickets
from jobs.webhooks.schedule import PATIENCE, notice_due

log = structlog.get_logger()

GONE = "It answered 410 Gone."
TOO_LONG = f"Nothing was received for {PATIENCE.days} days."


async def is_disabled(connection: AsyncConnection, endpoint: Endpoint, *, gone: bool) -> bool:
    """After one more failure. Disables it when its time is up, and tells of both in the same transaction."""
    if endpoint.disabled_at is not None:
        return True
    percent = 100 if gone else notice_due(endpoint.failures, endpoint.failing_since or _now(), _now())
    if percent == 100:
        await endpoints.disable(connection, endpoint.id, GONE if gone else TOO_LONG)
    if percent is not None:
        log.warning(
            "webhook endpoint failing", endpoint_id=str(endpoint.id), url=endpoint.url, percent=percent,
            failures=endpoint.failures, disabled=percent == 100,
        )  # fmt: skip
        await _notify(connection, endpoint, percent, GONE if gone else TOO_LONG)
    return percent == 100


async def _notify(connection: AsyncConnection, endpoint: Endpoint, percent: int, reason: str) -> None:
    """The owner hears of it where webhooks still arrive; once for each step of one spell of trouble."""
    since = (endpoint.failing_since or _now()).isoformat()
    disabled = percent == 100
    body = event_body(
        FAILING,
        {
            "endpoint_id": str(endpoint.id),
            "url": endpoint.url,
            "percent": percent,
            "failures": endpoint.failures,
            "failing_since": since,
            "disabled": disabled,
            "reason": reason if disabled else None,
        },
    )
    planned = []
    for other in await endpoints.others(connection, endpoint, names_of(FAILING)):
        step = f"{since}:{percent}"
        delivery_id = await deliveries.plan(
            connection,
            key=f"failing:{endpoint.id}:{step}:{other}",
            job_id=None,
            owner=endpoint.owner,
            url="",
            status="pending",
            endpoint_id=other,
            webhook_id=webhook_id(endpoint.id, step),
            event_type=FAILING,
            event_seq=None,
            body=body,
        )
        planned += [delivery_id] if delivery_id is not None else []
    await send_tickets(connection, planned)


def _now() -> datetime:
    return datetime.now(UTC)
