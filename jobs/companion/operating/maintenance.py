"""What is somebody told whose messages are not taken in now, and how often?"""

from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wording import say
from jobs.db.chats import bot_state
from jobs.db.people import preferences

Reason = Literal["ban", "erasing", "maintenance"]

BAN_TOLD_EVERY = timedelta(days=1)
ERASING_TOLD_EVERY = timedelta(minutes=1)
# an erasure that takes longer has failed, and may be asked for again
LONGEST_ERASURE = timedelta(days=1)


def is_being_erased(erasing_at: datetime | None) -> bool:
    return erasing_at is not None and erasing_at > datetime.now(UTC) - LONGEST_ERASURE


async def words(connection: AsyncConnection, locale: str, reason: Reason) -> str:
    if reason == "ban":
        return say(locale, "closed.ban")
    if reason == "erasing":
        return say(locale, "closed.erasing")
    return await bot_state.maintenance_words(connection) or say(locale, "closed.maintenance")


async def is_to_be_told(
    connection: AsyncConnection, user_id: int, reason: Reason, maintenance_since: datetime | None
) -> bool:
    """Of a maintenance once, however long it takes; of a ban once a day. From now on they have been told."""
    now = datetime.now(UTC)
    since = {"ban": now - BAN_TOLD_EVERY, "erasing": now - ERASING_TOLD_EVERY, "maintenance": maintenance_since or now}
    return await preferences.is_to_be_told(connection, user_id, reason, since[reason])
