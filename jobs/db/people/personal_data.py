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

DOCUMENTS = (
    "SELECT id, file_name, format, size, sha256, pages, characters, status, error, created_at, used_at,"
    " media_id AS file FROM documents WHERE owner = :owner ORDER BY created_at, id"
)
COMPARISONS = (
    "SELECT id, title, looks_for, question, model, language, report_formats, summary, dropped, unread, created_at,"
    " finished_at,"
    " ARRAY(SELECT document_id FROM comparison_documents WHERE comparison_id = id ORDER BY position) AS documents,"
    " (SELECT coalesce(jsonb_agg(to_jsonb(found) - 'comparison_id' ORDER BY number), '[]') FROM findings AS found"
    "  WHERE comparison_id = id) AS findings,"
    " (SELECT coalesce(jsonb_object_agg(format, media_id), '{}') FROM reports WHERE comparison_id = id) AS reports"
    " FROM comparisons WHERE owner = :owner ORDER BY created_at, id"
)
CHAT_ANALYSES = (
    "SELECT status, looks_for, question, created_at,"
    " ARRAY(SELECT file_name FROM chat_analysis_files WHERE analysis_id = chat_analyses.id ORDER BY number) AS files"
    " FROM chat_analyses WHERE user_id = :user_id ORDER BY created_at, id"
)
REPORT_PREFERENCES = "SELECT report_formats, language, updated_at FROM preferences WHERE owner = :owner"
PAGE_SESSIONS = (
    "SELECT made_at, used_at, ends_at FROM page_sessions JOIN api_keys ON api_keys.id = key_id WHERE owner = :owner"
    " ORDER BY made_at"
)
WORLDS = (
    "SELECT to_jsonb(world) - 'owner' AS world,"
    " (SELECT coalesce(jsonb_agg(to_jsonb(living) - 'world_id' ORDER BY position), '[]') FROM characters AS living"
    "  WHERE world_id = world.id) AS characters,"
    " (SELECT coalesce(jsonb_agg(to_jsonb(said) - 'world_id' ORDER BY position), '[]') FROM posts AS said"
    "  WHERE world_id = world.id) AS posts"
    " FROM worlds AS world WHERE owner = :owner ORDER BY created_at, id"
)


async def read(connection: AsyncConnection, user_id: int) -> dict[str, Rows]:
    """By the name of what it is."""
    queries = {
        "profile": PROFILE, "dialogs": DIALOGS, "messages": MESSAGES, "jobs": JOBS, "files": FILES,
        "wallet": WALLET, "payments": PAYMENTS, "documents": DOCUMENTS, "comparisons": COMPARISONS,
        "chat_analyses": CHAT_ANALYSES,
        "report_preferences": REPORT_PREFERENCES, "page_sessions": PAGE_SESSIONS, "worlds": WORLDS,
    }  # fmt: skip
    return {name: await _rows(connection, query, user_id) for name, query in queries.items()}


async def _rows(connection: AsyncConnection, query: str, user_id: int) -> Rows:
    values = {"owner": of_person(user_id)} if ":owner" in query else {"user_id": user_id}
    return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]
