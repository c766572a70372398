"""One delivery: marked as being sent, sent outside any transaction, and what is known about it written down.

What may have arrived in a chat is never sent again by itself: it stays visible as `unknown`. A webhook is.
"""

from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import deliveries, media, telegram_users, webhook_endpoints
from jobs.db.commit import commit
from jobs.db.deliveries import Delivery
from jobs.db.media import MediaRow
from jobs.delivery.telegram import Answer, NotSent, Sent, Telegram, Unknown
from jobs.errors import Misconfigured, TemporaryError
from jobs.media import MediaStore
from jobs.resources import Resources
from jobs.webhooks.sending import require_taken
from jobs.webhooks.sending import send as send_webhook

log = structlog.get_logger()

Client = TypeVar("Client")


async def deliver(resources: Resources, delivery_id: int) -> None:
    """Raises TemporaryError when nothing arrived and another try is due: its ticket keeps its place in the chat."""
    file, endpoint = None, None
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
            media_id = delivery.payload.get("media_id")
            file = await media.get(connection, UUID(media_id)) if media_id else None
    if delivery.channel == "webhook":
        await send_webhook(resources.database, webhooks, delivery, endpoint)
    else:
        await _to_chat(resources, telegram, delivery, file)


def _required(client: Client | None, queue: str) -> Client:
    if client is None:
        raise Misconfigured(f"This worker was not started for the queue {queue}.")
    return client


async def _to_chat(resources: Resources, telegram: Telegram, delivery: Delivery, file: MediaRow | None) -> None:
    if delivery.status == "sending":
        answer: Answer = Unknown("The worker was stopped between sending and hearing the answer.")
    elif delivery.recipient_blocked:
        answer = NotSent("This person has blocked the bot.", recipient_gone=True)
    else:
        answer = await _send(telegram, resources.media, delivery, file)
    await commit(resources.database, lambda connection: _record(connection, delivery, answer))
    if isinstance(answer, NotSent) and answer.retry_in is not None:
        raise TemporaryError(answer.reason, retry_in=answer.retry_in, code="not_delivered")


async def _send(telegram: Telegram, store: MediaStore, delivery: Delivery, file: MediaRow | None) -> Answer:
    fields = {"chat_id": int(delivery.destination), **delivery.payload}
    method = fields.pop("method")
    if fields.pop("media_id", None) is None:
        return await telegram.send(method, fields)
    if file is None:
        return NotSent("The file is gone: it was kept for its time and then deleted.")
    return await _send_file(telegram, store, method, fields, file)


async def _send_file(
    telegram: Telegram, store: MediaStore, method: str, fields: dict[str, object], file: MediaRow
) -> Answer:
    if file.telegram_file_id:
        answer = await telegram.send(method, {**fields, "photo": file.telegram_file_id})
        if not (isinstance(answer, NotSent) and answer.stale_file_id):
            return answer
    try:
        data = await store.get(file.key)
    except TemporaryError as error:
        return NotSent(error.detail, retry_in=error.retry_in or 5)
    except FileNotFoundError:
        return NotSent("The file is not in the media store.")
    return await telegram.send(method, fields, upload=("photo", data))


async def _record(connection: AsyncConnection, delivery: Delivery, answer: Answer) -> None:
    match answer:
        case Sent(message_id, file_id):
            await deliveries.end(connection, delivery.id, "sent", outcome="sent", message_id=message_id)
            media_id = delivery.payload.get("media_id")
            if file_id and media_id:
                await media.remember_file_id(connection, UUID(media_id), file_id)
        case Unknown(reason):
            log.warning("delivery unknown", delivery_id=delivery.id, reason=reason)
            await deliveries.end(connection, delivery.id, "unknown", outcome="unknown", error={"detail": reason})
        case NotSent(reason, retry_in):
            status = "failed" if retry_in is None else "pending"
            await deliveries.end(connection, delivery.id, status, outcome="not_sent", error={"detail": reason})
            if answer.recipient_gone:
                await telegram_users.set_blocked(connection, int(delivery.destination), blocked=True)
            log.warning("delivery not sent", delivery_id=delivery.id, reason=reason, retry_in=retry_in)
