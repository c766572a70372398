"""What does one bot own: its chats, files, updates, webhook and everything that it has set?"""

import asyncio
from collections.abc import Awaitable, Callable

from sandbox.bot_api.call_log import CallLog
from sandbox.bot_api.callback_queries import CallbackQueries
from sandbox.bot_api.chats import Chat
from sandbox.bot_api.commands import Profile
from sandbox.bot_api.events import EventLog
from sandbox.bot_api.faults import FaultPlan
from sandbox.bot_api.files import FileStore
from sandbox.bot_api.flood_control import FloodControl
from sandbox.bot_api.messages import Message
from sandbox.bot_api.options import BotAccount, SandboxOptions
from sandbox.bot_api.params import Params
from sandbox.bot_api.payments import Payments
from sandbox.bot_api.updates import Outbox, Update
from sandbox.bot_api.users import Users
from sandbox.bot_api.webhook_delivery import WebhookDelivery, WebhookSettings
from sandbox.bot_api.wire import Wire, without_none


class Bot:
    """Bots share the users, the event log and the ordered faults of their sandbox, and nothing else."""

    def __init__(
        self,
        account: BotAccount,
        options: SandboxOptions,
        users: Users,
        events: EventLog,
        faults: FaultPlan,
        run_reply: Callable[["Bot", str, Params], Awaitable[None]],
    ) -> None:
        self.account = account
        self.options = options
        self.users = users
        self.events = events
        self.faults = faults
        self.run_reply = run_reply
        self.chats: dict[int, Chat] = {}
        self.files = FileStore()
        self.calls = CallLog()
        self.profile = Profile()
        self.callbacks = CallbackQueries(options.callback_answer_seconds)
        self.payments = Payments()
        self.flood = FloodControl(options.flood) if options.flood else None
        self.outbox = Outbox(self.announce_update)
        self.delivery: WebhookDelivery | None = None
        self.update_of_message: dict[int, Update] = {}
        self.poll_number = 0
        self.last_message_id = 0
        self.timers: set[asyncio.TimerHandle] = set()

    @property
    def bot_id(self) -> int:
        return self.account.bot_id

    def wire(self) -> Wire:
        return {
            "id": self.bot_id,
            "is_bot": True,
            "first_name": self.profile.text("name", "") or self.account.first_name,
            "username": self.account.username,
        }

    def chat(self, user_id: int) -> Chat:
        """The chat with this user, made when first asked for. Raises KeyError for an unknown user."""
        if user_id not in self.chats:
            self.chats[user_id] = Chat(self.users.by_id[user_id], self.wire())
        return self.chats[user_id]

    def next_message_id(self) -> int:
        """Message ids of private chats are counted over all chats of a bot."""
        self.last_message_id += 1
        return self.last_message_id

    def publish(self, kind: str, chat: Chat, data: Wire) -> None:
        self.events.publish(kind, data, bot_id=self.bot_id, user_id=chat.chat_id)

    def publish_message(self, kind: str, chat: Chat, message: Message) -> None:
        self.publish(kind, chat, self.message_view(chat, message))

    def message_view(self, chat: Chat, message: Message) -> Wire:
        """`update_state` tells whether the webhook has taken what the user wrote."""
        update = self.update_of_message.get(message.message_id)
        return {**chat.view(message), **without_none(update_state=update.state if update else None)}

    def add_update(self, kind: str, payload: Wire, chat: Chat, *, queue: str, lifetime: float) -> Update | None:
        update = self.outbox.add(kind, payload, queue=queue, user_id=chat.chat_id, lifetime=lifetime)
        if update is not None and self.delivery is not None:
            self.delivery.enqueue(update)
        return update

    def announce_update(self, update: Update) -> None:
        last = update.attempts[-1] if update.attempts else None
        data = without_none(
            update_id=update.update_id,
            update_kind=update.kind,
            state=update.state,
            message_id=update.payload.get("message_id"),
            attempts=len(update.attempts),
            error=last.error if last else None,
            pending=len(self.outbox.pending),
        )
        self.events.publish("update", data, bot_id=self.bot_id, user_id=update.user_id)

    async def set_webhook(self, settings: WebhookSettings | None) -> None:
        """None removes it. What waits in the outbox goes to the new address."""
        previous, self.delivery = self.delivery, None
        if previous is not None:
            await previous.stop()
        if settings is not None:
            self.delivery = WebhookDelivery(settings, self.outbox, self.options, self.faults, self.reply)
        self.events.publish("webhook", {"url": settings.url if settings else ""}, bot_id=self.bot_id)

    async def reply(self, method: str, params: Params) -> None:
        await self.run_reply(self, method, params)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        def due() -> None:
            self.timers.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(seconds, due)
        self.timers.add(handle)

    async def close(self) -> None:
        for handle in self.timers:
            handle.cancel()
        if self.delivery is not None:
            await self.delivery.stop()
