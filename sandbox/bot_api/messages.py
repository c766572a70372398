"""What is a message made of?"""

from dataclasses import dataclass, field

from sandbox.bot_api.files import Photo, StoredFile
from sandbox.bot_api.formatted_text import NO_TEXT, FormattedText
from sandbox.bot_api.wire import Wire, without_none


@dataclass(frozen=True)
class TextBody:
    text: FormattedText
    link_preview: Wire | None = None

    def wire(self) -> Wire:
        preview = without_none(link_preview_options=self.link_preview)
        return {**self.text.wire("text", "entities"), **preview}


@dataclass(frozen=True)
class PhotoBody:
    photo: Photo
    caption: FormattedText = NO_TEXT
    spoiler: bool = False
    caption_above: bool = False

    def wire(self) -> Wire:
        return {
            "photo": [size.photo_size_wire() for size in self.photo.sizes],
            **self.caption.wire("caption", "caption_entities"),
            **({"has_media_spoiler": True} if self.spoiler else {}),
            **({"show_caption_above_media": True} if self.caption_above else {}),
        }


@dataclass(frozen=True)
class DocumentBody:
    document: StoredFile
    caption: FormattedText = NO_TEXT

    def wire(self) -> Wire:
        return {"document": self.document.document_wire(), **self.caption.wire("caption", "caption_entities")}


@dataclass(frozen=True)
class InvoiceBody:
    title: str
    description: str
    payload: str
    currency: str
    total_amount: int
    start_parameter: str = ""
    photo_url: str | None = None

    def wire(self) -> Wire:
        return {
            "invoice": {
                "title": self.title,
                "description": self.description,
                "start_parameter": self.start_parameter,
                "currency": self.currency,
                "total_amount": self.total_amount,
            }
        }


@dataclass(frozen=True)
class PaymentBody:
    """A service message: `successful_payment` or `refunded_payment`."""

    kind: str
    payment: Wire

    def wire(self) -> Wire:
        return {self.kind: self.payment}


Body = TextBody | PhotoBody | DocumentBody | InvoiceBody | PaymentBody


@dataclass(frozen=True)
class Revision:
    """What an edit replaced, and when."""

    replaced_at: float
    body: Body
    inline_markup: Wire | None


@dataclass
class Message:
    """`received_at` is the moment at which the server had the message; `date` is what Telegram's wire says."""

    message_id: int
    from_bot: bool
    received_at: float
    body: Body
    markup: Wire | None = None
    reply_to: int | None = None
    extras: Wire = field(default_factory=dict)
    edited_at: float | None = None
    deleted_at: float | None = None
    revisions: list[Revision] = field(default_factory=list)

    @property
    def inline_markup(self) -> Wire | None:
        """Only inline keyboards belong to the message; the others belong to the chat."""
        return self.markup if self.markup and "inline_keyboard" in self.markup else None

    def replace(self, body: Body, markup: Wire | None, at: float) -> None:
        self.revisions.append(Revision(at, self.body, self.inline_markup))
        self.body, self.markup, self.edited_at = body, markup, at


def message_wire(message: Message, bot: Wire, user: Wire, chat: Wire, replied: Message | None = None) -> Wire:
    """The Message object of the Bot API. A replied message is given without its own reply."""
    wire: Wire = {
        "message_id": message.message_id,
        "from": bot if message.from_bot else user,
        "chat": chat,
        "date": int(message.received_at),
    }
    if message.edited_at is not None:
        wire["edit_date"] = int(message.edited_at)
    if replied is not None:
        wire["reply_to_message"] = message_wire(replied, bot, user, chat)
    wire.update(message.extras)
    wire.update(message.body.wire())
    return {**wire, **without_none(reply_markup=message.inline_markup)}
