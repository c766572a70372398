"""Messages to a chat: each becomes a delivery and its ticket, in the caller's transaction, and nothing is sent here."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.chat_messages import (
    Button,
    Buttons,
    ChatButtons,
    ChatDelete,
    ChatDocument,
    ChatEdit,
    ChatGreeting,
    ChatGreetingEdit,
    ChatInvoice,
    ChatPhoto,
    ChatText,
    Earlier,
    Message,
)
from jobs.companion.chat_payloads import BUY_LINK, STARS, payloads
from jobs.companion.text_limits import LONGEST_CAPTION, LONGEST_TEXT, length, split_text
from jobs.db import deliveries
from jobs.enqueue import Ticket, enqueue

__all__ = [
    "BUY_LINK",
    "LONGEST_CAPTION",
    "LONGEST_TEXT",
    "STARS",
    "Button",
    "Buttons",
    "ChatButtons",
    "ChatDelete",
    "ChatDocument",
    "ChatEdit",
    "ChatGreeting",
    "ChatGreetingEdit",
    "ChatInvoice",
    "ChatPhoto",
    "ChatText",
    "Earlier",
    "Message",
    "delivery_ticket",
    "length",
    "send_to_chat",
    "split_text",
]


# a person who waits for an answer goes before news for everybody
BULK_PRIORITY = -10


async def send_to_chat(
    connection: AsyncConnection,
    chat_id: int,
    messages: Sequence[Message],
    *,
    key: str,
    job_id: UUID | None = None,
    bulk: bool = False,
) -> None:
    """`key` names this occasion: sending under it again sends nothing. The deliveries are `key:0`, `key:1`, …

    `bulk`: nobody waits for it; it goes when nothing else wants to.
    """
    tickets = []
    mark = {"bulk": True} if bulk else {}
    for number, payload in enumerate(payload for message in messages for payload in payloads(message)):
        delivery_id = await deliveries.plan(
            connection,
            key=f"{key}:{number}",
            job_id=job_id,
            channel="telegram",
            destination=str(chat_id),
            payload={**payload, **mark},
        )
        if delivery_id is not None:
            tickets.append(delivery_ticket(delivery_id, chat_id, bulk=bulk))
    if tickets:
        await enqueue(connection, tickets)


def delivery_ticket(delivery_id: int, chat_id: int, *, bulk: bool = False) -> Ticket:
    """One chat, one message at a time and in order: a message that waits for its retry holds back later ones."""
    priority = BULK_PRIORITY if bulk else 0
    return Ticket("deliver", {"delivery_id": delivery_id}, "telegram", priority, lock=f"chat:{chat_id}")
