"""What can be said in a chat, before anybody knows when it is sent or what Telegram calls it."""

from dataclasses import dataclass
from uuid import UUID

# the key of an earlier delivery, such as "job:<id>:0:0", or the number that Telegram gave a message
Earlier = str | int


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
    """`spoiler`: it is covered until somebody touches it."""

    media_id: UUID
    caption: str = ""
    buttons: Buttons = ()
    spoiler: bool = False


@dataclass(frozen=True)
class ChatDocument:
    """The file as it is stored, not a picture as Telegram recompresses it."""

    media_id: UUID
    file_name: str
    caption: str = ""


@dataclass(frozen=True)
class ChatGreeting:
    """A persona's greeting picture; only the caption where it has none. `of`: in the place of an earlier one."""

    persona_key: str
    caption: str
    buttons: Buttons = ()
    of: Earlier | None = None


@dataclass(frozen=True)
class ChatInvoice:
    """A price in Telegram Stars. `payload` comes back with the payment; a copy sent on leads to `/start buy`."""

    title: str
    description: str
    payload: str
    stars: int


@dataclass(frozen=True)
class ChatEdit:
    """Another text in the place of an earlier one; a new message where that one was never sent or is gone.

    What does not fit into one message follows as new ones.
    """

    of: Earlier
    text: str
    buttons: Buttons = ()


@dataclass(frozen=True)
class ChatGreetingEdit:
    """Another persona's greeting picture in the place of an earlier picture; a new message where that one is gone."""

    of: Earlier
    persona_key: str
    caption: str
    buttons: Buttons = ()


@dataclass(frozen=True)
class ChatButtons:
    """Other buttons below an earlier message, or none; nothing where it is gone."""

    of: Earlier
    buttons: Buttons = ()


@dataclass(frozen=True)
class ChatDelete:
    """An earlier message is taken away; nothing where it is gone already."""

    of: Earlier


Message = (
    ChatText
    | ChatPhoto
    | ChatDocument
    | ChatGreeting
    | ChatInvoice
    | ChatEdit
    | ChatGreetingEdit
    | ChatButtons
    | ChatDelete
)
