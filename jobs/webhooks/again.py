"""Sending anew what was sent before: one delivery, or all that a replay chooses, with the same id and body."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery import webhook_endpoints as endpoints
from jobs.db.delivery.webhook_deliveries import Choice
from jobs.errors import Conflict
from jobs.webhooks.endpoints import begin_due
from jobs.webhooks.plan import send_tickets


async def redeliver(connection: AsyncConnection, delivery_id: int, endpoint_id: UUID | None, owner: str) -> None:
    """Send it anew, or the next attempt of one that waits at once. Raises Conflict where nothing can be sent."""
    endpoint = await endpoints.lock(connection, endpoint_id, owner) if endpoint_id else None
    if endpoint is None:
        raise Conflict("The endpoint of this delivery was deleted, so there is nowhere to send it.", code="no_endpoint")
    if endpoint.disabled_at is not None:
        raise Conflict(
            "The endpoint is disabled. Enable it first: what is held for it is sent then.", code="endpoint_disabled"
        )
    await deliveries.again(connection, endpoint.id, [delivery_id])
    if await deliveries.take(connection, delivery_id):
        await send_tickets(connection, [delivery_id])


async def replay_chunk(connection: AsyncConnection, choice: Choice, *, after: int, chunk: int) -> list[int]:
    """The deliveries behind number `after` that are on their way again with this; empty when that was all."""
    if await endpoints.lock(connection, choice.endpoint_id, choice.owner) is None:
        return []
    ids = await deliveries.take_chosen(connection, choice, after=after, chunk=chunk)
    if ids:
        await deliveries.again(connection, choice.endpoint_id, ids, replay_job=UUID(choice.replay_job))
        await begin_due(connection, choice.endpoint_id)
    return ids


async def take_back(connection: AsyncConnection, owner: str, endpoint_id: UUID, replay_job: UUID) -> int:
    """What a replay has not got out yet is again what it was before; how many."""
    if await endpoints.lock(connection, endpoint_id, owner) is None:
        return 0
    count = await deliveries.withdraw(connection, endpoint_id, replay_job)
    await begin_due(connection, endpoint_id)
    return count
