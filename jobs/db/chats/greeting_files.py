"""What Telegram calls the greeting pictures that it has already."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

FIND = text("SELECT file_id FROM greeting_files WHERE bot_id = :bot_id AND persona = :persona AND sha256 = :sha256")
REMEMBER = text(
    "INSERT INTO greeting_files AS known (bot_id, persona, sha256, file_id)"
    " VALUES (:bot_id, :persona, :sha256, :file_id)"
    " ON CONFLICT (bot_id, persona) DO UPDATE SET sha256 = excluded.sha256, file_id = excluded.file_id"
)


async def find(connection: AsyncConnection, bot_id: int, persona: str, sha256: str) -> str | None:
    """None for a picture that this bot has not sent yet."""
    values = {"bot_id": bot_id, "persona": persona, "sha256": sha256}
    return (await connection.execute(FIND, values)).scalar()


async def remember(connection: AsyncConnection, bot_id: int, persona: str, sha256: str, file_id: str) -> None:
    values = {"bot_id": bot_id, "persona": persona, "sha256": sha256, "file_id": file_id}
    await connection.execute(REMEMBER, values)
