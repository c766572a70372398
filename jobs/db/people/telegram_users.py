"""Telegram's updates, each taken once, and the people who sent them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from jobs.db.people.blocks import IS_SUSPENDED
from jobs.owners import CHAT


@dataclass(frozen=True)
class Sender:
    """Who sent an update, as Telegram tells it."""

    user_id: int
    first_name: str
    username: str | None
    language_code: str | None


@dataclass(frozen=True)
class TelegramUser:
    """`locale` is the user's own choice, `dialog_id` the current dialog.

    `blocked_at`: they had blocked the bot, and what they do now says whether they still do.
    """

    user_id: int
    language_code: str | None
    locale: str | None
    dialog_id: int | None
    blocked_at: datetime | None
    # by content rules: nothing is accepted from them
    suspended: bool = False
    # by an operator
    banned_at: datetime | None = None
    # since when their data are being erased, and the whole bot is in maintenance
    erasing_at: datetime | None = None
    maintenance_since: datetime | None = None
    # of the documents that they are sending for an analysis: "offered" or "collecting", see db/chat_analyses.py
    collection: str | None = None
    # first heard of in this transaction
    is_new: bool = False


CHAT_OWNER = f"('{CHAT}' || u.user_id)"

# one round trip: note the update, and only if it is new make or refresh the user, whose row stays locked until commit
TAKE = text(
    "WITH taken AS (INSERT INTO telegram_updates (bot_id, update_id) VALUES (:bot_id, :update_id)"
    " ON CONFLICT DO NOTHING RETURNING update_id) "
    "INSERT INTO telegram_users AS u (user_id, first_name, username, language_code)"
    " SELECT :user_id, :first_name, :username, :language_code FROM taken"
    " ON CONFLICT (user_id) DO UPDATE SET first_name = excluded.first_name, username = excluded.username,"
    "  language_code = coalesce(excluded.language_code, u.language_code), seen_at = now()"
    " RETURNING user_id, language_code, locale, dialog_id, blocked_at,"
    f" {IS_SUSPENDED.format(owner=CHAT_OWNER)} AS suspended,"
    " banned_at, erasing_at, (SELECT since FROM maintenance) AS maintenance_since, u.created_at = now() AS is_new,"
    " (SELECT status FROM chat_analyses analysis WHERE analysis.user_id = u.user_id"
    "  AND status IN ('offered', 'collecting')) AS collection"
).bindparams(bindparam("username", type_=Text), bindparam("language_code", type_=Text))

TAKE_ANONYMOUS = text(
    "INSERT INTO telegram_updates (bot_id, update_id) VALUES (:bot_id, :update_id)"
    " ON CONFLICT DO NOTHING RETURNING update_id"
)

COUNT_FAILURE = text(
    "INSERT INTO failed_updates AS f (bot_id, update_id, tries, payload, error)"
    " VALUES (:bot_id, :update_id, 1, :payload, :error)"
    " ON CONFLICT (bot_id, update_id) DO UPDATE SET tries = f.tries + 1, error = excluded.error RETURNING tries"
).bindparams(bindparam("payload", type_=JSONB))

BURY = text(
    "WITH taken AS (INSERT INTO telegram_updates (bot_id, update_id) VALUES (:bot_id, :update_id)"
    " ON CONFLICT DO NOTHING) "
    "UPDATE failed_updates SET dead_at = now() WHERE bot_id = :bot_id AND update_id = :update_id"
)


async def take_update(connection: AsyncConnection, bot_id: int, update_id: int, sender: Sender) -> TelegramUser | None:
    """None when this update was taken before. Otherwise its sender, locked until the transaction ends."""
    values = {
        "bot_id": bot_id,
        "update_id": update_id,
        "user_id": sender.user_id,
        "first_name": sender.first_name,
        "username": sender.username,
        "language_code": sender.language_code,
    }
    row = (await connection.execute(TAKE, values)).mappings().first()
    return TelegramUser(**row) if row else None


async def take_anonymous_update(connection: AsyncConnection, bot_id: int, update_id: int) -> bool:
    """For updates without a sender. False when this update was taken before."""
    return (await connection.execute(TAKE_ANONYMOUS, {"bot_id": bot_id, "update_id": update_id})).first() is not None


async def set_blocked(connection: AsyncConnection, user_id: int, *, blocked: bool) -> None:
    update = text("UPDATE telegram_users SET blocked_at = CASE WHEN :blocked THEN now() END WHERE user_id = :user_id")
    await connection.execute(update, {"user_id": user_id, "blocked": blocked})


async def count_failure(
    connection: AsyncConnection, bot_id: int, update_id: int, payload: dict[str, object], error: str
) -> int:
    """How often this update has failed now."""
    values = {"bot_id": bot_id, "update_id": update_id, "payload": payload, "error": error}
    return int((await connection.execute(COUNT_FAILURE, values)).scalar_one())


async def bury(connection: AsyncConnection, bot_id: int, update_id: int) -> None:
    """Give the update up: it is kept for a person to read, and never taken again."""
    await connection.execute(BURY, {"bot_id": bot_id, "update_id": update_id})
