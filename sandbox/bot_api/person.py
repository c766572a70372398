"""What can a user do in the chat with a bot: write, press, edit, stop, pay, block?"""

import asyncio

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.callback_queries import CallbackQuery
from sandbox.bot_api.chats import Chat
from sandbox.bot_api.errors import NotPossibleError
from sandbox.bot_api.files import check_photo_size, render_sizes
from sandbox.bot_api.formatted_text import FormattedText, finished
from sandbox.bot_api.messages import DocumentBody, InvoiceBody, Message, PaymentBody, PhotoBody, TextBody
from sandbox.bot_api.params import Upload
from sandbox.bot_api.payments import Checkout
from sandbox.bot_api.posting import add_message_update, post_from_user
from sandbox.bot_api.reply_markup import button_with_data
from sandbox.bot_api.users import User
from sandbox.bot_api.wire import Wire, now

TEXT_LIMIT = 4096


class Person:
    """One user in the chat with one bot."""

    def __init__(self, bot: Bot, user: User) -> None:
        self.bot = bot
        self.user = user

    @property
    def chat(self) -> Chat:
        return self.bot.chat(self.user.user_id)

    def start(self) -> None:
        """Lets the bot write without a message of the user, as if they had talked before."""
        self.chat.started = True

    def send_text(self, text: str, *, reply_to: int | None = None) -> Message:
        """Longer texts are cut into several messages, as Telegram's apps do; the last one is returned."""
        self.require_unblocked()
        pieces = [text[at : at + TEXT_LIMIT] for at in range(0, len(text), TEXT_LIMIT)]
        bodies = [TextBody(finished(piece, [])) for piece in pieces if piece.strip()]
        if not bodies:
            raise NotPossibleError("The text is empty. Write at least one character.")
        messages = [post_from_user(self.bot, self.chat, body, reply_to=reply_to) for body in bodies]
        self.put_away_keyboard()
        return messages[-1]

    async def send_photo(self, upload: Upload, caption: str = "") -> Message:
        self.require_unblocked()
        check_photo_size(len(upload.content))
        renditions = await asyncio.to_thread(render_sizes, upload.content)
        body = PhotoBody(self.bot.files.add_photo(upload, renditions), caption_text(caption))
        return post_from_user(self.bot, self.chat, body)

    def send_document(self, upload: Upload, caption: str = "") -> Message:
        self.require_unblocked()
        body = DocumentBody(self.bot.files.add_document(upload), caption_text(caption))
        return post_from_user(self.bot, self.chat, body)

    def edit_text(self, message_id: int, text: str) -> Message:
        message = self.message(message_id)
        if message.from_bot or not isinstance(message.body, TextBody):
            raise NotPossibleError("Only the user's own text messages can be edited.")
        if not text.strip() or len(text) > TEXT_LIMIT:
            raise NotPossibleError(f"A text has 1 to {TEXT_LIMIT} characters.")
        message.replace(TextBody(finished(text, [])), None, now())
        add_message_update(self.bot, self.chat, message, "edited_message")
        self.bot.publish_message("message_edited", self.chat, message)
        return message

    def press(self, message_id: int, data: str) -> CallbackQuery:
        """Presses the callback button of a message of the bot that carries `data`."""
        message = self.message(message_id)
        if button_with_data(message.inline_markup, data) is None:
            raise NotPossibleError(f"Message {message_id} has no button with the callback data {data!r}.")
        query = self.bot.callbacks.press(self.user.user_id, message_id, data)
        payload: Wire = {
            "id": query.query_id,
            "from": self.user.wire(),
            "message": self.chat.wire(message),
            "chat_instance": str(-(self.bot.bot_id << 32) - self.user.user_id),
            "data": data,
        }
        self.add_query("callback_query", payload, f"callback:{self.user.user_id}")
        self.bot.publish("callback", self.chat, query.view())
        return query

    def block(self) -> None:
        self.change_blocked(True)

    def unblock(self) -> None:
        self.change_blocked(False)

    def change_blocked(self, blocked: bool) -> None:
        if self.chat.blocked is blocked:
            return
        self.chat.blocked = blocked
        bot = self.bot.wire()
        member: Wire = {"status": "member", "user": bot}
        kicked: Wire = {"status": "kicked", "user": bot, "until_date": 0}
        payload: Wire = {
            "chat": self.user.chat_wire(),
            "from": self.user.wire(),
            "date": int(now()),
            "old_chat_member": member if blocked else kicked,
            "new_chat_member": kicked if blocked else member,
        }
        lifetime = self.bot.options.message_lifetime
        queue = f"member:{self.user.user_id}"
        self.bot.add_update("my_chat_member", payload, self.chat, queue=queue, lifetime=lifetime)
        self.bot.publish("blocked", self.chat, {"blocked": blocked})

    def stop_draft(self, draft_id: int) -> None:
        """Stops the shown draft. The text vanishes unless the bot asked to keep it."""
        draft = self.chat.current_draft()
        if draft is None or draft.draft_id != draft_id or not draft.can_stop or draft.stopped:
            raise NotPossibleError(f"There is no draft {draft_id} that could be stopped now.")
        draft.stopped = True
        self.chat.stopped_drafts.add(draft_id)
        payload: Wire = {"chat": self.user.chat_wire(), "draft_id": draft_id}
        lifetime = self.bot.options.message_lifetime
        queue = f"chat:{self.user.user_id}"
        self.bot.add_update("stopped_message_generation", payload, self.chat, queue=queue, lifetime=lifetime)
        if draft.keep_on_stop:
            self.bot.publish("draft", self.chat, draft.view())
        else:
            self.chat.draft = None
            self.bot.publish("draft_gone", self.chat, {"draft_id": draft_id})

    def pay(self, message_id: int) -> Checkout:
        """Presses Pay: the bot has ten seconds to agree, then the payment fails."""
        self.require_unblocked()
        message = self.message(message_id)
        if not isinstance(message.body, InvoiceBody):
            raise NotPossibleError(f"Message {message_id} is no invoice.")
        checkout = self.bot.payments.start(self.user, message_id, message.body)
        self.add_query("pre_checkout_query", checkout.query_wire(), f"checkout:{self.user.user_id}")
        self.bot.publish("payment", self.chat, checkout.view())
        self.bot.later(self.bot.options.pre_checkout_seconds, lambda: self.give_up(checkout))
        return checkout

    def give_up(self, checkout: Checkout) -> None:
        if checkout.status == "waiting":
            checkout.status = "timed_out"
            self.bot.publish("payment", self.chat, checkout.view())

    def settle_payment(self, checkout: Checkout, error_message: str | None) -> None:
        """Called with the bot's answer to the pre-checkout query."""
        if error_message is None:
            charge = self.bot.payments.charge(checkout)
            body = PaymentBody("successful_payment", charge.payment_wire())
            post_from_user(self.bot, self.chat, body)
        else:
            checkout.status, checkout.error_message = "declined", error_message
        self.bot.publish("payment", self.chat, checkout.view())

    def add_query(self, kind: str, payload: Wire, queue: str) -> None:
        self.bot.add_update(kind, payload, self.chat, queue=queue, lifetime=self.bot.options.query_lifetime)

    def message(self, message_id: int) -> Message:
        message = self.chat.message(message_id)
        if message is None:
            raise NotPossibleError(f"There is no message {message_id} in this chat.")
        return message

    def require_unblocked(self) -> None:
        if self.chat.blocked:
            raise NotPossibleError("The user has blocked the bot. Unblock it first.")

    def put_away_keyboard(self) -> None:
        keyboard = self.chat.reply_keyboard
        if keyboard and (keyboard.get("one_time_keyboard") or keyboard.get("force_reply")):
            self.chat.reply_keyboard = None
            self.bot.publish("reply_keyboard", self.chat, {"reply_keyboard": None})


def caption_text(caption: str) -> FormattedText:
    return finished(caption, [])
