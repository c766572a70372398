"""Nobody draws just now: the people who wait for a picture are told so, once."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.quiet import is_quiet
from jobs.companion.wording import say
from jobs.db.gpu import lanes as lane_rows

WAITING = text(
    "SELECT DISTINCT ON (destination->'telegram'->>'chat_id') id, destination FROM jobs"
    " WHERE status IN ('pending', 'processing') AND model IS NOT NULL AND queue <> 'image'"
    " AND destination ? 'telegram'"
    # what nobody asked for is not spoken of
    " AND NOT destination->'telegram' ? 'quiet'"
    " ORDER BY destination->'telegram'->>'chat_id', created_at"
)


async def tell_waiting(connection: AsyncConnection) -> None:
    """Everybody who waits, if no lane takes work."""
    since = await lane_rows.away_since(connection)
    if since is None:
        return
    for row in await connection.execute(WAITING):
        await _tell(connection, row.destination, row.id, str(since))


async def tell(connection: AsyncConnection, destination: dict[str, Any], job_id: Any) -> None:
    """The one who has just asked for a picture, if no lane takes work."""
    since = await lane_rows.away_since(connection)
    if since is not None and "telegram" in destination and not is_quiet(destination):
        await _tell(connection, destination, job_id, str(since))


async def _tell(connection: AsyncConnection, destination: dict[str, Any], job_id: Any, since: str) -> None:
    chat = destination["telegram"]
    words = ChatText(say(chat.get("locale", "en"), "lanes_away"))
    # one outage, one message to a person, however many pictures
    key = f"lanes-away:{since}:{chat['chat_id']}"
    await send_to_chat(connection, int(chat["chat_id"]), [words], key=key, job_id=job_id)
