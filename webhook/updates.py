"""One update, one transaction: taken once, handled, and only then acknowledged."""

from typing import Any

import structlog
from pydantic import ValidationError

from jobs import blocking
from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.personas import Personas
from jobs.companion.wallet import returning
from jobs.db.commit import DATABASE_ERRORS
from jobs.db.people import telegram_users
from jobs.db.people.telegram_users import Sender
from jobs.db.session import Database
from jobs.errors import PostgenError
from jobs.submit import Intake
from webhook import refusals
from webhook.dispatch import Dispatch
from webhook.visit import Visit

log = structlog.get_logger()

MOST_TRIES = 5
LARGEST_ID = 2**63

Update = dict[str, Any]


class TryAgain(Exception):
    """Nothing was changed; Telegram shall send the update again after `retry_in` seconds."""

    def __init__(self, retry_in: int) -> None:
        super().__init__(f"again in {retry_in} s")
        self.retry_in = retry_in


class Updates:
    def __init__(
        self,
        bot_id: int,
        database: Database,
        intake: Intake,
        personas: Personas,
        dispatch: Dispatch,
        rules: BotSettings,
    ) -> None:
        self.bot_id = bot_id
        self.database = database
        self.intake = intake
        self.personas = personas
        self.dispatch = dispatch
        self.rules = rules

    async def take(self, update: Update) -> dict[str, Any] | None:
        """What to answer Telegram with, if anything. A replayed update changes nothing. Raises TryAgain."""
        try:
            return await self._handle(update)
        except Exception as error:
            log.exception("update failed", update_id=update["update_id"])
            await self._count_failure(update, error)
            return None

    async def _handle(self, update: Update) -> dict[str, Any] | None:
        try:
            return await self._take_in(update)
        except refusals.REFUSALS as refusal:
            # whatever was done for it is undone: what was refused is kept nowhere
            return await self._take_in(update, refusal)

    async def _take_in(self, update: Update, refusal: PostgenError | None = None) -> dict[str, Any] | None:
        """`refusal`: it was tried before, and a content rule refused it."""
        update_id, sender = update["update_id"], find_sender(update)
        async with self.database.transaction() as connection:
            if sender is None:
                await telegram_users.take_anonymous_update(connection, self.bot_id, update_id)
                return None
            user = await telegram_users.take_update(connection, self.bot_id, update_id, sender)
            if user is None:
                return None
            if user.is_new:
                await returning.receive(connection, self.intake.wallet, user.user_id)
            if user.blocked_at is not None and "my_chat_member" not in update:
                # who does something here has let the bot in again
                await blocking.let_in(connection, user.user_id)
            occasion = f"update:{self.bot_id}:{update_id}"
            visit = Visit(connection, user, self.intake, self.personas, occasion, self.rules)
            if refusal:
                return await refusals.tell(visit, refusal, update)
            return await self.dispatch.handle(update, visit)

    async def _count_failure(self, update: Update, error: Exception) -> None:
        """An update that never works would hold up its chat for a day: after some tries it is set aside."""
        key = (self.bot_id, update["update_id"])
        words = f"{type(error).__name__}: {error}"[:1000]
        try:
            async with self.database.transaction() as connection:
                tries = await telegram_users.count_failure(connection, *key, update, words)
                hopeless = tries >= MOST_TRIES or isinstance(error, ValidationError)
                if hopeless:
                    await telegram_users.bury(connection, *key)
        except DATABASE_ERRORS as trouble:
            raise TryAgain(5) from trouble
        if not hopeless:
            raise TryAgain(min(30, 2**tries))
        log.error("update set aside", update_id=update["update_id"], tries=tries)


def find_sender(update: Update) -> Sender | None:
    """The person behind any kind of update, known or not yet known to us; None for what happens in a group."""
    for kind, event in update.items():
        if isinstance(event, dict) and not _is_private(event):
            return None
        person = _person(kind, event) if isinstance(event, dict) else None
        if isinstance(person, dict) and isinstance(person.get("id"), int) and abs(person["id"]) < LARGEST_ID:
            return Sender(
                user_id=person["id"],
                first_name=str(person.get("first_name", "")),
                username=person.get("username"),
                language_code=person.get("language_code"),
            )
    return None


def _person(kind: str, event: dict[str, Any]) -> Any:
    """An update about a draft names no sender: it is the person of the chat."""
    return event.get("chat") if kind == "stopped_message_generation" else event.get("from")


def _is_private(event: dict[str, Any]) -> bool:
    message = event.get("message")
    chat = event.get("chat") or (message.get("chat") if isinstance(message, dict) else None)
    return not isinstance(chat, dict) or chat.get("type", "private") == "private"
