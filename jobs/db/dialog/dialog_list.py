"""A person's dialogs: the newest one with each persona is open, the ones before it are history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Listed:
    id: int
    persona: str
    message_count: int
    used_at: datetime


LISTED = "id, persona, message_count, used_at"

OPEN = text(
    f"SELECT {LISTED} FROM (SELECT DISTINCT ON (persona) {LISTED} FROM dialogs WHERE user_id = :user_id"
    " ORDER BY persona, id DESC) AS newest ORDER BY used_at DESC, id DESC"
)

WITH_PERSONA = text(
    f"SELECT {LISTED} FROM dialogs WHERE user_id = :user_id AND persona = :persona ORDER BY id DESC LIMIT 1"
)

CURRENT = text(f"SELECT {LISTED} FROM dialogs WHERE user_id = :user_id AND id = :dialog_id")

RESUME = text(
    "WITH dialog AS (UPDATE dialogs SET used_at = now() WHERE id = :dialog_id AND user_id = :user_id"
    " RETURNING id, user_id)"
    " UPDATE telegram_users AS person SET dialog_id = dialog.id FROM dialog WHERE person.user_id = dialog.user_id"
)

LAST_WORDS = text(
    "SELECT content FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'assistant' ORDER BY id DESC LIMIT 1"
)


async def open_dialogs(connection: AsyncConnection, user_id: int) -> Sequence[Listed]:
    """The one that was used last comes first."""
    return [Listed(**row) for row in (await connection.execute(OPEN, {"user_id": user_id})).mappings()]


async def with_persona(connection: AsyncConnection, user_id: int, persona: str) -> Listed | None:
    """The open one."""
    row = (await connection.execute(WITH_PERSONA, {"user_id": user_id, "persona": persona})).mappings().first()
    return Listed(**row) if row else None


async def get(connection: AsyncConnection, user_id: int, dialog_id: int) -> Listed | None:
    """None if it is not this person's."""
    row = (await connection.execute(CURRENT, {"user_id": user_id, "dialog_id": dialog_id})).mappings().first()
    return Listed(**row) if row else None


async def resume(connection: AsyncConnection, user_id: int, dialog_id: int) -> None:
    """It becomes the person's current one."""
    await connection.execute(RESUME, {"user_id": user_id, "dialog_id": dialog_id})


async def last_words(connection: AsyncConnection, dialog_id: int) -> str | None:
    """What the persona said last."""
    found: str | None = (await connection.execute(LAST_WORDS, {"dialog_id": dialog_id})).scalar()
    return found
