"""What is known after one attempt is written down, and what follows from it for this chat and for the whole bot."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.chats.calls import Call
from jobs.db.chats import chat_deliveries, chat_pace
from jobs.db.chats.chat_deliveries import FRESH_HOURS
from jobs.db.delivery import deliveries
from jobs.db.delivery.deliveries import Delivery
from jobs.delivery.telegram import Answer, NotSent, Sent, Unknown

log = structlog.get_logger()

# called with what has arrived, in the transaction that notes it
Arrived = Callable[[AsyncConnection, Delivery], Awaitable[None]]


def final(delivery: Delivery, answer: Answer) -> Answer:
    """What is no news any more when it arrives is not tried again."""
    if not (isinstance(answer, NotSent) and answer.retry_in is not None):
        return answer
    if answer.misconfigured or datetime.now(UTC) - delivery.created_at < timedelta(hours=FRESH_HOURS):
        return answer
    return replace(answer, retry_in=None, reason=f"Given up after {FRESH_HOURS} hours. {answer.reason}")


def is_single(delivery: Delivery, call: Call, answer: Answer) -> bool:
    """Whether `record` is one statement: from a message without a picture that arrived in its place nothing follows."""
    if not isinstance(answer, Sent) or _has_moved(delivery, call, answer):
        return False
    return call.file is None and delivery.payload["method"] != "sendPhoto"


async def record(connection: AsyncConnection, delivery: Delivery, call: Call, answer: Answer, arrived: Arrived) -> str:
    """The delivery's status from now on: sent, unknown, failed, held, or pending where another try is due."""
    if isinstance(answer, Sent):
        # first, while it is not `sent` yet: a commit that is tried again finds it so, and counts nothing twice
        await arrived(connection, delivery)
        await _sent(connection, delivery, call, answer)
        return "sent"
    if isinstance(answer, Unknown):
        log.warning("delivery unknown", delivery_id=delivery.id, reason=answer.reason)
        await deliveries.end(connection, delivery.id, "unknown", outcome="unknown", error={"detail": answer.reason})
        return "unknown"
    status = await _status(connection, delivery, call.chat_id, answer)
    log.warning("delivery not sent", delivery_id=delivery.id, reason=answer.reason, status=status)
    await deliveries.end(connection, delivery.id, status, outcome="not_sent", error={"detail": answer.reason})
    if answer.flooded and answer.retry_in is not None:
        everybody = await chat_pace.refused(connection, call.chat_id, answer.retry_in)
        log.warning("told to wait", chat_id=call.chat_id, seconds=answer.retry_in, everybody=everybody)
    if answer.misconfigured and answer.retry_in is not None:
        await chat_pace.pause_bot(connection, answer.retry_in)
    return status


async def _sent(connection: AsyncConnection, delivery: Delivery, call: Call, answer: Sent) -> None:
    await deliveries.end(connection, delivery.id, "sent", outcome="sent", message_id=answer.message_id)
    if answer.message_id is not None and _has_moved(delivery, call, answer):
        await chat_deliveries.moved(connection, call.chat_id, delivery.payload["of"], answer.message_id)
    if answer.file_id and call.file is not None:
        await call.file.remember(connection, answer.file_id)


def _has_moved(delivery: Delivery, call: Call, answer: Sent) -> bool:
    """Whether it took the place of the earlier message of which other deliveries speak."""
    about_delivery = isinstance(delivery.payload.get("of"), str)
    return about_delivery and answer.message_id is not None and answer.message_id != call.earlier


async def _status(connection: AsyncConnection, delivery: Delivery, chat_id: int, answer: NotSent) -> str:
    if not answer.recipient_gone:
        return "failed" if answer.retry_in is None else "pending"
    if await chat_deliveries.found_blocked(connection, delivery.id, chat_id):
        return "held"
    # they let the bot in again while this was under way; of somebody unknown nothing will ever be heard
    return "pending" if await chat_deliveries.is_known(connection, chat_id) else "failed"
