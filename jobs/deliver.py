"""One delivery: marked as being sent, sent outside any transaction, and what is known about it written down.

What may have arrived is never sent again by itself: it stays visible as `unknown`.
"""

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import deliveries, media, telegram_users
from jobs.db.commit import commit
from jobs.db.deliveries import Delivery
from jobs.db.media import MediaRow
from jobs.delivery.telegram import Answer, NotSent, Sent, Unknown
from jobs.errors import Misconfigured, TemporaryError
from jobs.resources import Resources

log = structlog.get_logger()


async def deliver(resources: Resources, delivery_id: int) -> None:
    """Raises TemporaryError when nothing arrived and another try is due: its ticket keeps its place in the chat."""
    async with resources.database.transaction() as connection:
        delivery = await deliveries.begin(connection, delivery_id)
    if delivery is None or delivery.status not in ("pending", "sending"):
        return
    if delivery.status == "sending":
        answer: Answer = Unknown("The worker was stopped between sending and hearing the answer.")
    elif delivery.recipient_blocked:
        answer = NotSent("This person has blocked the bot.", recipient_gone=True)
    else:
        answer = await _send(resources, delivery)
    await commit(resources.database, lambda connection: _record(connection, delivery, answer))
    if isinstance(answer, NotSent) and answer.retry_in is not None:
        raise TemporaryError(answer.reason, retry_in=answer.retry_in, code="not_delivered")


async def _send(resources: Resources, delivery: Delivery) -> Answer:
    if resources.telegram is None:
        raise Misconfigured("This worker was not started for the queue telegram.")
    fields = {"chat_id": int(delivery.destination), **delivery.payload}
    method = fields.pop("method")
    media_id = fields.pop("media_id", None)
    if media_id is None:
        return await resources.telegram.send(method, fields)
    async with resources.database.transaction() as connection:
        row = await media.get(connection, UUID(media_id))
    if row is None:
        return NotSent("The file is gone: it was kept for its time and then deleted.")
    return await _send_file(resources, method, fields, row)


async def _send_file(resources: Resources, method: str, fields: dict[str, object], row: MediaRow) -> Answer:
    assert resources.telegram is not None, "checked by the caller"
    if row.telegram_file_id:
        answer = await resources.telegram.send(method, {**fields, "photo": row.telegram_file_id})
        if not (isinstance(answer, NotSent) and answer.stale_file_id):
            return answer
    try:
        data = await resources.media.get(row.key)
    except TemporaryError as error:
        return NotSent(error.detail, retry_in=error.retry_in or 5)
    except FileNotFoundError:
        return NotSent("The file is not in the media store.")
    return await resources.telegram.send(method, fields, upload=("photo", data))


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
