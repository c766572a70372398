"""Messages to a chat: each becomes a delivery and its ticket, in the caller's transaction, and nothing is sent here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import deliveries
from jobs.enqueue import Ticket, enqueue

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
# how the Bot API calls Telegram Stars, and the deep link of an invoice's copy in another chat
STARS = "XTR"
BUY_LINK = "buy"


@dataclass(frozen=True)
class Button:
    """`data` (at most 64 bytes) comes back to webhook/handlers when it is pressed."""

    text: str
    data: str


# rows of buttons below a message
Buttons = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True)
class ChatText:
    text: str
    buttons: Buttons = ()


@dataclass(frozen=True)
class ChatPhoto:
    media_id: UUID
    caption: str = ""


@dataclass(frozen=True)
class ChatInvoice:
    """A price in Telegram Stars. `payload` comes back with the payment; a copy sent on leads to `/start buy`."""

    title: str
    description: str
    payload: str
    stars: int


Message = ChatText | ChatPhoto | ChatInvoice


async def send_to_chat(
    connection: AsyncConnection, chat_id: int, messages: Sequence[Message], *, key: str, job_id: UUID | None = None
) -> None:
    """`key` names this occasion: sending under it again sends nothing."""
    tickets = []
    for number, payload in enumerate(payload for message in messages for payload in _payloads(message)):
        delivery_id = await deliveries.plan(
            connection,
            key=f"{key}:{number}",
            job_id=job_id,
            channel="telegram",
            destination=str(chat_id),
            payload=payload,
        )
        if delivery_id is not None:
            # one chat, one message at a time and in order: a message that waits for its retry holds back later ones
            tickets.append(Ticket("deliver", {"delivery_id": delivery_id}, "telegram", lock=f"chat:{chat_id}"))
    if tickets:
        await enqueue(connection, tickets)


def _payloads(message: Message) -> Iterator[dict[str, Any]]:
    if isinstance(message, ChatPhoto):
        caption = {"caption": _shortened(message.caption, LONGEST_CAPTION)} if message.caption else {}
        yield {"method": "sendPhoto", "media_id": str(message.media_id), **caption}
        return
    if isinstance(message, ChatInvoice):
        yield _invoice(message)
        return
    parts = split_text(message.text)
    for number, part in enumerate(parts, 1):
        buttons = {"reply_markup": _keyboard(message.buttons)} if message.buttons and number == len(parts) else {}
        yield {"method": "sendMessage", "text": part, **buttons}


def _keyboard(buttons: Buttons) -> dict[str, Any]:
    rows = [[{"text": button.text, "callback_data": button.data} for button in row] for row in buttons]
    return {"inline_keyboard": rows}


def _invoice(invoice: ChatInvoice) -> dict[str, Any]:
    return {
        "method": "sendInvoice",
        "title": invoice.title,
        "description": invoice.description,
        "payload": invoice.payload,
        "provider_token": "",
        "currency": STARS,
        "prices": [{"label": invoice.title, "amount": invoice.stars}],
        "start_parameter": BUY_LINK,
    }


def split_text(text: str, limit: int = LONGEST_TEXT) -> list[str]:
    """Parts that Telegram accepts, cut at a paragraph, a line or a space where there is one in the last half."""
    parts = []
    rest = text.strip()
    while length(rest) > limit:
        room = _fitting(rest, limit)
        cut = next((at for mark in ("\n\n", "\n", " ") if (at := rest.rfind(mark, room // 2, room)) > 0), room)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def length(text: str) -> int:
    """As Telegram counts it: in UTF-16 units, in which an emoji is two."""
    return len(text.encode("utf-16-le")) // 2


def _fitting(text: str, limit: int) -> int:
    return len(text.encode("utf-16-le")[: limit * 2].decode("utf-16-le", errors="ignore"))


def _shortened(text: str, limit: int) -> str:
    return text if length(text) <= limit else f"{text[: _fitting(text, limit - 1)]}…"
