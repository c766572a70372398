"""Everything that is kept of one person, and how it goes: in an order in which a crash leaves nothing half named."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.retention import ExpiredFile
from jobs.owners import of_person

CHUNK = 200

BEGIN = text("UPDATE telegram_users SET erasing_at = now() WHERE user_id = :user_id")
# nobody is told any more what becomes of them
SILENCE = text(
    "UPDATE jobs SET destination = '{}' WHERE owner = :owner AND status IN ('pending', 'processing')"
    " AND destination <> '{}'"
)
OPEN = text(
    "SELECT id FROM jobs WHERE owner = :owner AND status IN ('pending', 'processing')"
    # roots first: what hangs below them goes with them
    " ORDER BY parent_id IS NOT NULL, created_at LIMIT :chunk"
)
FILES = text("SELECT id, key FROM media WHERE owner = :owner ORDER BY id LIMIT :chunk")
# what a provider said about a call may repeat what it was asked
CLEAR_CALLS = text(
    "UPDATE provider_calls SET error = NULL, request_id = NULL WHERE job_id IN (SELECT id FROM jobs"
    " WHERE owner = :owner) AND (error IS NOT NULL OR request_id IS NOT NULL)"
)
DELETE_JOBS = text(
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE owner = :owner AND parent_id IS NULL LIMIT :chunk)"
)
# with what hangs below each of them. A comparison holds its documents; a document may have thousands of pages of text
OWNED_AT_A_TIME = 20
DELETE_OWNED = tuple(
    text(f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE owner = :owner LIMIT {OWNED_AT_A_TIME})")
    for table in ("comparisons", "documents", "worlds")
)
DELETE_SETTINGS = (
    text("DELETE FROM preferences WHERE owner = :owner"),
    text("DELETE FROM page_sessions WHERE key_id IN (SELECT id FROM api_keys WHERE owner = :owner)"),
)
DELETE_REST = (
    text("DELETE FROM deliveries WHERE channel = 'telegram' AND destination = CAST(CAST(:user_id AS bigint) AS text)"),
    text("DELETE FROM dialogs WHERE user_id = :user_id"),
    # kept as they came from Telegram, because they could not be handled
    text(
        "DELETE FROM failed_updates WHERE"
        " jsonb_path_exists(payload, '$.*.from.id ? (@ == $id)', jsonb_build_object('id', CAST(:user_id AS bigint)))"
    ),
    text("UPDATE broadcasts SET words = '' WHERE admin_id = :user_id AND status IN ('draft', 'done', 'stopped')"),
    text("DELETE FROM chat_pace WHERE chat_id = :user_id"),
)


async def begin(connection: AsyncConnection, user_id: int) -> None:
    """From now on nothing is taken in from them."""
    await connection.execute(BEGIN, {"user_id": user_id})


async def open_jobs(connection: AsyncConnection, user_id: int) -> list[UUID]:
    """Some of them, if there are any; and nobody will be told how these end."""
    values = {"owner": of_person(user_id), "chunk": CHUNK}
    await connection.execute(SILENCE, values)
    return list((await connection.execute(OPEN, values)).scalars())


async def files(connection: AsyncConnection, user_id: int) -> list[ExpiredFile]:
    """Some of those that they sent or were made for them, if there are any."""
    found = await connection.execute(FILES, {"owner": of_person(user_id), "chunk": CHUNK})
    return [ExpiredFile(**row) for row in found.mappings()]


async def delete_jobs(connection: AsyncConnection, user_id: int) -> bool:
    """A part of them, with what was told and sent about them. False when none is left."""
    values = {"owner": of_person(user_id), "chunk": CHUNK}
    await connection.execute(CLEAR_CALLS, values)
    return (await connection.execute(DELETE_JOBS, values)).rowcount > 0


async def delete_owned(connection: AsyncConnection, user_id: int) -> bool:
    """A part of what they had compared, of the documents for that, and of their worlds. False when none is left."""
    values = {"owner": of_person(user_id)}
    for statement in DELETE_OWNED:
        if (await connection.execute(statement, values)).rowcount:
            return True
    for statement in DELETE_SETTINGS:
        await connection.execute(statement, values)
    return False


async def delete_words(connection: AsyncConnection, user_id: int) -> None:
    """What was said in the chat, by either side."""
    for statement in DELETE_REST:
        await connection.execute(statement, {"user_id": user_id})


async def delete_person(connection: AsyncConnection, user_id: int) -> None:
    await connection.execute(text("DELETE FROM telegram_users WHERE user_id = :user_id"), {"user_id": user_id})
