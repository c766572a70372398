"""The one message that tells how far a picture is: whether there is one, and what Telegram calls it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

FIND = text("SELECT status, message_id FROM deliveries WHERE key = :key")


@dataclass(frozen=True)
class ProgressMessage:
    """`message_id`: once it has arrived. `open`: it may yet."""

    message_id: int | None
    open: bool


async def find(connection: AsyncConnection, key: str) -> ProgressMessage | None:
    row = (await connection.execute(FIND, {"key": key})).first()
    return ProgressMessage(row.message_id, row.status in ("pending", "sending")) if row else None
