"""Everything that is kept of one person, for them to read."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.owners import of_person

Rows = list[dict[str, Any]]

PROFILE = (
    "SELECT user_id, first_name, username, language_code, locale, auto_pictures, age_confirmed_at, created_at, seen_at"
    " FROM telegram_users WHERE user_id = :user_id"
)
DIALOGS = "SELECT id, persona, greeting, summary, created_at FROM dialogs WHERE user_id = :user_id ORDER BY id"
MESSAGES = (
    "SELECT dialog_id, role, content, chat_messages.created_at FROM chat_messages"
    " JOIN dialogs ON dialogs.id = dialog_id WHERE user_id = :user_id"
    " ORDER BY dialog_id, coalesce(answers, chat_messages.id), chat_messages.id"
)
JOBS = (
    "SELECT id, kind, status, input, result, error, created_at, finished_at FROM jobs WHERE owner = :owner"
    " ORDER BY created_at, id"
)
FILES = "SELECT id, content_type, size, created_at, expires_at FROM media WHERE owner = :owner ORDER BY created_at, id"
WALLET = (
    "SELECT unit, number, reason, amount, came, balance, item, created_at FROM wallet_entries"
    " WHERE user_id = :user_id ORDER BY created_at, unit, number"
)
PAYMENTS = (
    "SELECT charge_id, stars, unit, amount, paid_at, refunded_at FROM star_payments WHERE user_id = :user_id"
    " ORDER BY paid_at, charge_id"
)


async def read(connection: AsyncConnection, user_id: int) -> dict[str, Rows]:
    """By the name of what it is."""
    queries = {
        "profile": PROFILE, "dialogs": DIALOGS, "messages": MESSAGES, "jobs": JOBS, "files": FILES,
        "wallet": WALLET, "payments": PAYMENTS,
    }  # fmt: skip
    return {name: await _rows(connection, query, user_id) for name, query in queries.items()}


async def _rows(connection: AsyncConnection, query: str, user_id: int) -> Rows:
    values = {"owner": of_person(user_id)} if ":owner" in query else {"user_id": user_id}
    return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]
