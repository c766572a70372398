"""How much may one person ask for at a time? More than that is refused, and nothing of it is kept."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.wording import say
from jobs.db.people import person_load, preferences
from jobs.db.people.person_load import Load
from jobs.errors import TooManyRequests
from jobs.kinds.contract import NewJob

# whoever sends a hundred messages at once shall not get a hundred answers
TOLD_EVERY = timedelta(seconds=20)
Limited = Literal["pictures", "jobs", "messages", "length"]
PICTURE_KINDS = ("generate_image", "generate_image_prompt")


class LimitReached(TooManyRequests):
    """`count`: how much of it there is, or was written; `most`: how much there may be."""

    code = "too_much_at_once"

    def __init__(self, of: Limited, *, count: int, most: int) -> None:
        super().__init__("This person has too much under way.")
        self.of = of
        self.count = count
        self.most = most

    def words(self, locale: str) -> str:
        match self.of:
            case "pictures":
                return say(locale, "limit.pictures", count=self.count)
            case "jobs":
                return say(locale, "limit.jobs", count=self.count)
            case "messages":
                return say(locale, "limit.messages", count=self.count)
            case _:
                return say(locale, "limit.length", count=self.count, most=self.most)


def require_room(rules: BotSettings, new: NewJob, load: Load) -> None:
    """For one job more, where there was so much. Raises LimitReached, which undoes what was done for it."""
    if new.kind in PICTURE_KINDS and load.apart >= rules.chat_open_pictures:
        raise LimitReached("pictures", count=load.apart, most=rules.chat_open_pictures)
    if load.jobs >= rules.chat_open_jobs:
        raise LimitReached("jobs", count=load.jobs, most=rules.chat_open_jobs)


async def require_listening(connection: AsyncConnection, rules: BotSettings, dialog_id: int) -> None:
    """For one message more, which is stored already. Raises LimitReached."""
    most = rules.chat_waiting_messages
    if await person_load.waiting_messages(connection, dialog_id, most + 1) > most:
        raise LimitReached("messages", count=most, most=most)


def require_short(rules: BotSettings, words: str) -> None:
    """Raises LimitReached."""
    if len(words) > rules.chat_longest_message:
        raise LimitReached("length", count=len(words), most=rules.chat_longest_message)


async def is_to_be_told(connection: AsyncConnection, user_id: int, refusal: LimitReached) -> bool:
    """Whoever goes on all the same is told again after a while."""
    since = datetime.now(UTC) - TOLD_EVERY
    return await preferences.is_to_be_told(connection, user_id, f"limit.{refusal.of}", since)
