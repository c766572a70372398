"""Messages out, to a chat or to a webhook: each marked as being sent, sent outside any transaction, and then recorded.

What may have arrived in a chat is never sent again by itself: it stays visible as `unknown`. A webhook is.
"""

from typing import TypeVar

from jobs.chats.sending import plain, prepare
from jobs.chats.sending import send as send_to_chat
from jobs.chats.turns import take_turn
from jobs.db.delivery import deliveries, webhook_endpoints
from jobs.errors import Misconfigured
from jobs.resources import Resources
from jobs.webhooks.sending import require_taken
from jobs.webhooks.sending import send as send_webhook

Client = TypeVar("Client")


async def deliver(resources: Resources, delivery_id: int, *then: int) -> None:
    """One after the other; what has ended is left as it is.

    Raises TemporaryError when nothing arrived and another try is due: its ticket keeps its place in the chat.
    """
    for each in (delivery_id, *then):
        await _deliver(resources, each)


async def _deliver(resources: Resources, delivery_id: int) -> None:
    if resources.telegram is not None and (begun := await take_turn(resources, delivery_id)):
        await send_to_chat(resources, resources.telegram, begun.delivery, plain(begun))
        return
    endpoint, prepared = None, None
    async with resources.database.transaction() as connection:
        delivery = await deliveries.begin(connection, delivery_id)
        if delivery is None or delivery.status not in ("pending", "sending"):
            return
        # in the same transaction: trouble here leaves the delivery as it was
        if delivery.channel == "webhook":
            webhooks = _required(resources.webhooks, "webhooks")
            if not require_taken(delivery):
                return
            endpoint = await webhook_endpoints.get(connection, delivery.endpoint_id) if delivery.endpoint_id else None
        else:
            telegram = _required(resources.telegram, "telegram")
            prepared = await prepare(connection, resources, delivery)
    if delivery.channel == "webhook":
        await send_webhook(resources.database, webhooks, delivery, endpoint)
    elif prepared is not None:
        await send_to_chat(resources, telegram, delivery, prepared)


def _required(client: Client | None, queue: str) -> Client:
    if client is None:
        raise Misconfigured(f"This worker was not started for the queue {queue}.")
    return client
