"""What owners do with their endpoints: register, change, rotate, disable, enable, try, delete."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery import webhook_endpoints as rows
from jobs.db.delivery.webhook_endpoints import Endpoint
from jobs.errors import InvalidInput, NotFound
from jobs.public_addresses import require_receiver
from jobs.signatures import new_secret, secret_bytes
from jobs.webhooks import event_types
from jobs.webhooks.body import event_body, webhook_id
from jobs.webhooks.plan import send_tickets
from jobs.webhooks.surroundings import surroundings
from jobs.webhooks.windows import WIDEST

Json = dict[str, Any]

BY_OWNER = "Disabled by its owner."
OVERLAP = timedelta(hours=24)
MOST_SECRETS = 5


async def for_job(connection: AsyncConnection, owner: str, url: str, events: Sequence[str] | None) -> UUID:
    """The endpoint of a job's own `webhook_url`. Raises InvalidInput for an address or an event that cannot be."""
    event_types.checked(events, "/webhook_events")
    return await rows.implicit(connection, owner, checked_url(url, "/webhook_url"), _secrets(new_secret()))


async def register(
    connection: AsyncConnection,
    owner: str,
    *,
    url: str,
    description: str = "",
    events: Sequence[str] | None = None,
    payload: str = "full",
    secret: str | None = None,
) -> Endpoint:
    """Raises InvalidInput. Without a secret a new one is made."""
    return await rows.insert(
        connection,
        owner=owner,
        url=checked_url(url),
        description=description,
        events=event_types.checked(events),
        payload=payload,
        secrets=_secrets(checked_secret(secret)),
    )


async def find(connection: AsyncConnection, owner: str, endpoint_id: UUID) -> Endpoint:
    """Raises NotFound, also for somebody else's."""
    found = await rows.get(connection, endpoint_id)
    if found is None or found.owner != owner:
        raise NotFound(f"There is no webhook endpoint {endpoint_id}.")
    return found


async def lock(connection: AsyncConnection, owner: str, endpoint_id: UUID) -> Endpoint:
    """As `find`; nobody else changes it before this transaction ends."""
    found = await rows.lock(connection, endpoint_id, owner)
    if found is None:
        raise NotFound(f"There is no webhook endpoint {endpoint_id}.")
    return found


async def change(connection: AsyncConnection, owner: str, endpoint_id: UUID, changes: Json) -> Endpoint:
    """`changes`: any of url, description, events, payload, disabled."""
    endpoint = await lock(connection, owner, endpoint_id)
    if "url" in changes:
        changes = {**changes, "url": checked_url(changes["url"])}
    if "events" in changes and not endpoint.implicit:
        changes = {**changes, "events": event_types.checked(changes["events"])}
    names = ("url", "description", "events", "payload")
    if endpoint.implicit and not changes.keys().isdisjoint({"url", "events"}):
        raise InvalidInput(
            "This endpoint was made by the webhook_url of a job: its URL and its events come from there.",
            code="implicit_endpoint",
        )
    changed = await rows.update(
        connection, endpoint_id, **{name: changes.get(name, getattr(endpoint, name)) for name in names}
    )
    match changes.get("disabled"):
        case True:
            return await disable(connection, changed)
        case False:
            return await enable(connection, changed)
    return changed


async def disable(connection: AsyncConnection, endpoint: Endpoint, reason: str = BY_OWNER) -> Endpoint:
    """What is on its way there and what comes later is held, not lost."""
    changed = await rows.disable(connection, endpoint.id, reason)
    await deliveries.hold(connection, endpoint.id)
    return changed or endpoint


async def enable(connection: AsyncConnection, endpoint: Endpoint) -> Endpoint:
    """What was held is sent now, the oldest first, as fast as the receiver takes it."""
    changed = await rows.enable(connection, endpoint.id)
    if await deliveries.release(connection, endpoint.id):
        await begin_due(connection, endpoint.id)
    return changed or endpoint


async def begin_due(connection: AsyncConnection, endpoint_id: UUID) -> None:
    """Tickets for the first few that are due; each that arrives brings on the next one."""
    first = await deliveries.next_ones(connection, endpoint_id, None, ended=False, most=WIDEST)
    await send_tickets(connection, first)


async def rotate(connection: AsyncConnection, owner: str, endpoint_id: UUID, secret: str | None) -> Endpoint:
    """A new secret; the one before it signs beside it for a day, so that the receiver can change over in peace."""
    endpoint = await lock(connection, owner, endpoint_id)
    now = datetime.now(UTC)
    newest = endpoint.secrets[0]["secret"]
    wanted = checked_secret(secret)
    if wanted == newest:
        return endpoint
    before = [each for each in endpoint.secrets[1:] if datetime.fromisoformat(each["expires_at"]) > now]
    kept = [{"secret": newest, "expires_at": (now + OVERLAP).isoformat()}, *before]
    return await rows.set_secrets(connection, endpoint_id, [*_secrets(wanted), *kept][:MOST_SECRETS])


async def remove(connection: AsyncConnection, owner: str, endpoint_id: UUID) -> None:
    """What is still on its way there fails; what was sent stays in the log."""
    await lock(connection, owner, endpoint_id)
    error = {"code": "endpoint_deleted", "detail": "The endpoint was deleted before this was sent."}
    await deliveries.abandon(connection, endpoint_id, error)
    await rows.remove(connection, endpoint_id)


async def send_test(connection: AsyncConnection, owner: str, endpoint_id: UUID) -> int:
    """The id of a delivery of the event `test`; also to a disabled endpoint, where it is held like any other."""
    endpoint = await lock(connection, owner, endpoint_id)
    mark = uuid4()
    data = {"endpoint_id": str(endpoint.id), "message": "If you can read this, your endpoint works."}
    delivery_id = await deliveries.plan(
        connection,
        key=f"test:{mark}",
        job_id=None,
        owner=owner,
        url=endpoint.url,
        status="held" if endpoint.disabled_at else "pending",
        endpoint_id=endpoint.id,
        webhook_id=webhook_id(endpoint.id, mark),
        event_type=event_types.TEST,
        event_seq=None,
        body=event_body(event_types.TEST, data),
    )
    assert delivery_id is not None, "its key is new"
    if not endpoint.disabled_at:
        await send_tickets(connection, [delivery_id])
    return delivery_id


def checked_url(url: str, pointer: str = "/url") -> str:
    """Raises InvalidInput that points at the field."""
    try:
        require_receiver(url, allow_private=surroundings().webhook_allow_private)
    except InvalidInput as error:
        errors = [{"pointer": pointer, "detail": error.detail}]
        raise InvalidInput(error.detail, code=error.code, errors=errors) from None
    return url


def checked_secret(secret: str | None) -> str:
    """The given one or a new one. Raises InvalidInput that points at the field."""
    if secret is None:
        return new_secret()
    try:
        secret_bytes(secret)
    except ValueError as error:
        errors = [{"pointer": "/secret", "detail": str(error)}]
        raise InvalidInput(str(error), code="invalid_secret", errors=errors) from None
    return secret


def _secrets(secret: str) -> list[Json]:
    return [{"secret": secret, "expires_at": None}]
