"""A message as calls of the Bot API: what a delivery keeps until it is sent.

Beside Telegram's own fields stand ours, which are resolved at sending: `method`, `of`, `media_id`, `file_name`,
`greeting`.
"""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from jobs.companion.messages.chat_messages import (
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
    Message,
)
from jobs.companion.messages.text_limits import LONGEST_CAPTION, shortened, split_text

# how the Bot API calls Telegram Stars, and the deep link of an invoice's copy in another chat
STARS = "XTR"
BUY_LINK = "buy"

Payload = dict[str, Any]


@singledispatch
def payloads(message: Message) -> Iterator[Payload]:
    """In the order in which they are sent."""
    raise TypeError(f"no message for a chat: {type(message).__name__}")


@payloads.register
def _text(message: ChatText) -> Iterator[Payload]:
    parts = split_text(message.text)
    for part in parts[:-1]:
        yield {"method": "sendMessage", "text": part}
    for part in parts[-1:]:
        yield {"method": "sendMessage", "text": part, **_below(message.buttons)}


@payloads.register
def _photo(message: ChatPhoto) -> Iterator[Payload]:
    covered = {"has_spoiler": True} if message.spoiler else {}
    file = {"media_id": str(message.media_id), **_caption(message.caption)}
    yield {"method": "sendPhoto", **file, **covered, **_below(message.buttons)}


@payloads.register
def _document(message: ChatDocument) -> Iterator[Payload]:
    file = {"media_id": str(message.media_id), "file_name": message.file_name, **_caption(message.caption)}
    yield {"method": "sendDocument", **file}


@payloads.register
def _greeting(message: ChatGreeting) -> Iterator[Payload]:
    place = {"method": "sendPhoto"} if message.of is None else {"method": "editMessageMedia", "of": message.of}
    yield {**place, "greeting": message.persona_key, **_caption(message.caption), **_below(message.buttons)}


@payloads.register
def _invoice(message: ChatInvoice) -> Iterator[Payload]:
    yield {
        "method": "sendInvoice",
        "title": message.title,
        "description": message.description,
        "payload": message.payload,
        "provider_token": "",
        "currency": STARS,
        "prices": [{"label": message.title, "amount": message.stars}],
        "start_parameter": BUY_LINK,
    }


@payloads.register
def _edit(message: ChatEdit) -> Iterator[Payload]:
    parts = split_text(message.text)
    for number, part in enumerate(parts):
        place = {"method": "editMessageText", "of": message.of} if number == 0 else {"method": "sendMessage"}
        yield {**place, "text": part, **(_below(message.buttons) if number == len(parts) - 1 else {})}


@payloads.register
def _greeting_edit(message: ChatGreetingEdit) -> Iterator[Payload]:
    picture = {"greeting": message.persona_key, **_caption(message.caption)}
    yield {"method": "editMessageMedia", "of": message.of, **picture, **_below(message.buttons)}


@payloads.register
def _buttons(message: ChatButtons) -> Iterator[Payload]:
    yield {"method": "editMessageReplyMarkup", "of": message.of, "reply_markup": _keyboard(message.buttons)}


@payloads.register
def _delete(message: ChatDelete) -> Iterator[Payload]:
    yield {"method": "deleteMessage", "of": message.of}


def _caption(caption: str) -> Payload:
    return {"caption": shortened(caption, LONGEST_CAPTION)} if caption else {}


def _below(buttons: Buttons) -> Payload:
    return {"reply_markup": _keyboard(buttons)} if buttons else {}


def _keyboard(buttons: Buttons) -> Payload:
    rows = [[{"text": button.text, "callback_data": button.data} for button in row] for row in buttons]
    return {"inline_keyboard": rows}
