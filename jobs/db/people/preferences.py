"""What people have chosen for themselves, and when they were told last of what is told once in a while."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import DateTime


@dataclass(frozen=True)
class Preferences:
    """`locale`: None as long as they have not chosen one."""

    locale: str | None
    auto_pictures: bool


READ = text("SELECT locale, auto_pictures FROM telegram_users WHERE user_id = :user_id")
SET_LOCALE = text("UPDATE telegram_users SET locale = :locale WHERE user_id = :user_id")
SET_AUTO_PICTURES = text("UPDATE telegram_users SET auto_pictures = :wanted WHERE user_id = :user_id")
TELL = text(
    "UPDATE telegram_users SET notices = notices || jsonb_build_object(CAST(:notice AS text), now())"
    " WHERE user_id = :user_id AND coalesce(CAST(notices->>:notice AS timestamptz) < :since, true) RETURNING user_id"
).bindparams(bindparam("since", type_=DateTime(timezone=True)))


async def read(connection: AsyncConnection, user_id: int) -> Preferences:
    """Those of somebody who has written to the bot."""
    return Preferences(**(await connection.execute(READ, {"user_id": user_id})).mappings().one())


async def set_locale(connection: AsyncConnection, user_id: int, locale: str) -> None:
    await connection.execute(SET_LOCALE, {"user_id": user_id, "locale": locale})


async def set_auto_pictures(connection: AsyncConnection, user_id: int, *, wanted: bool) -> None:
    await connection.execute(SET_AUTO_PICTURES, {"user_id": user_id, "wanted": wanted})


async def is_to_be_told(connection: AsyncConnection, user_id: int, notice: str, since: datetime) -> bool:
    """Whether they have not been told since then; from now on they have."""
    values = {"user_id": user_id, "notice": notice, "since": since}
    return (await connection.execute(TELL, values)).first() is not None
