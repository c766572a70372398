"""Messages to a chat: each becomes a delivery and its ticket, in the caller's transaction, and nothing is sent here."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.chat_messages import (
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
from jobs.companion.messages.chat_payloads import BUY_LINK, STARS, payloads
from jobs.companion.messages.text_limits import LONGEST_CAPTION, LONGEST_TEXT, length, split_text
from jobs.db.delivery import deliveries
from jobs.enqueue import Ticket

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
    mark = {"bulk": True} if bulk else {}
    calls = [{**payload, **mark} for message in messages for payload in payloads(message)]
    if calls:
        await deliveries.plan(connection, chat_id, calls, delivery_ticket(chat_id, bulk=bulk), key=key, job_id=job_id)


def delivery_ticket(chat_id: int, delivery_id: int | None = None, *, bulk: bool = False) -> Ticket:
    """One chat, one message at a time and in order: a message that waits for its retry holds back later ones."""
    priority, arguments = BULK_PRIORITY if bulk else 0, {"delivery_id": delivery_id}
    return Ticket("deliver", arguments, "telegram", priority, lock=f"chat:{chat_id}")
