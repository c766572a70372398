"""What does one bot know of one user: their private chat."""

from dataclasses import dataclass, field

from sandbox.bot_api.formatted_text import FormattedText
from sandbox.bot_api.messages import Message, message_wire
from sandbox.bot_api.users import User
from sandbox.bot_api.wire import Wire, now, without_none


@dataclass
class Draft:
    draft_id: int
    text: FormattedText
    can_stop: bool
    keep_on_stop: bool
    expires_at: float
    stopped: bool = False

    def view(self) -> Wire:
        return {
            "draft_id": self.draft_id,
            **self.text.wire("text", "entities"),
            "can_stop": self.can_stop and not self.stopped,
            "expires_in": round(max(self.expires_at - now(), 0), 3),
        }


@dataclass
class ChatAction:
    action: str
    expires_at: float

    def view(self) -> Wire:
        return {"action": self.action, "expires_in": round(max(self.expires_at - now(), 0), 3)}


@dataclass
class Chat:
    """A bot may write once the user has started the chat and while they have not blocked the bot."""

    user: User
    bot_wire: Wire
    started: bool = False
    blocked: bool = False
    messages: dict[int, Message] = field(default_factory=dict)
    draft: Draft | None = None
    stopped_drafts: set[int] = field(default_factory=set)
    action: ChatAction | None = None
    reply_keyboard: Wire | None = None

    @property
    def chat_id(self) -> int:
        return self.user.user_id

    def message(self, message_id: int) -> Message | None:
        """None where it never was or was deleted."""
        found = self.messages.get(message_id)
        return found if found is not None and found.deleted_at is None else None

    def wire(self, message: Message) -> Wire:
        replied = self.message(message.reply_to) if message.reply_to else None
        return message_wire(message, self.bot_wire, self.user.wire(), self.user.chat_wire(), replied)

    def view(self, message: Message) -> Wire:
        """The message with what only the sandbox knows: exact times, edits, deletion."""
        return {
            **self.wire(message),
            "from_bot": message.from_bot,
            "received_at": message.received_at,
            **without_none(edited_at=message.edited_at, deleted_at=message.deleted_at),
            "revisions": [
                {"replaced_at": old.replaced_at, **old.body.wire(), **without_none(reply_markup=old.inline_markup)}
                for old in message.revisions
            ],
        }

    def current_draft(self) -> Draft | None:
        return self.draft if self.draft is not None and self.draft.expires_at > now() else None

    def current_action(self) -> ChatAction | None:
        return self.action if self.action is not None and self.action.expires_at > now() else None
