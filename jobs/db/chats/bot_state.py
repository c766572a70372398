"""Is the bot in maintenance, who may not use it, and what its operators have done."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text


@dataclass(frozen=True)
class Person:
    user_id: int
    first_name: str
    username: str | None
    locale: str | None
    language_code: str | None


BEGIN_MAINTENANCE = text(
    "INSERT INTO maintenance (id, words) VALUES (1, :words)"
    # who was told is told again only if it was over in between
    " ON CONFLICT (id) DO UPDATE SET words = excluded.words"
)
MAINTENANCE = text("SELECT words FROM maintenance")
FIND_PERSON = text(
    "SELECT user_id, first_name, username, locale, language_code FROM telegram_users"
    " WHERE user_id = :user_id OR lower(username) = lower(:username) ORDER BY seen_at DESC LIMIT 1"
).bindparams(bindparam("user_id", type_=BigInteger), bindparam("username", type_=Text))
SET_BANNED = text(
    "UPDATE telegram_users SET banned_at = CASE WHEN :banned THEN coalesce(banned_at, now()) END,"
    " notices = notices - 'ban' WHERE user_id = :user_id AND (banned_at IS NOT NULL) <> :banned RETURNING user_id"
)
ADD_ACT = text(
    "INSERT INTO admin_acts (admin_id, act, subject, details) VALUES (:admin_id, :act, :subject, :details)"
).bindparams(bindparam("details", type_=JSONB), bindparam("subject", type_=Text))


async def begin_maintenance(connection: AsyncConnection, words: str) -> None:
    """`words`: what people are told; empty for the bot's own sentence."""
    await connection.execute(BEGIN_MAINTENANCE, {"words": words})


async def end_maintenance(connection: AsyncConnection) -> bool:
    """False when there was none."""
    return (await connection.execute(text("DELETE FROM maintenance"))).rowcount > 0


async def maintenance_words(connection: AsyncConnection) -> str | None:
    """None while the bot works as usual."""
    found: str | None = (await connection.execute(MAINTENANCE)).scalar()
    return found


async def find_person(connection: AsyncConnection, name: str) -> Person | None:
    """By their number, or by their @name as it was when they wrote last."""
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= 18 else None
    username = name.removeprefix("@") if number is None else None
    row = (await connection.execute(FIND_PERSON, {"user_id": number, "username": username})).mappings().first()
    return Person(**row) if row else None


async def set_banned(connection: AsyncConnection, user_id: int, *, banned: bool) -> bool:
    """False when it was so before."""
    return (await connection.execute(SET_BANNED, {"user_id": user_id, "banned": banned})).first() is not None


async def log_act(
    connection: AsyncConnection, admin_id: int, act: str, subject: str | None = None, **details: Any
) -> None:
    """In the transaction of the act itself."""
    values = {"admin_id": admin_id, "act": act, "subject": subject, "details": details}
    await connection.execute(ADD_ACT, values)
