"""A message to a chat that is not on its way yet may as well say what is true by now: one call instead of two."""

from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

RENEW = text(
    "UPDATE deliveries SET payload = (payload - 'reply_markup') || :shown WHERE key = ANY(:keys) AND status = 'pending'"
    " AND channel = 'telegram'"
).bindparams(bindparam("shown", type_=JSONB))


async def renew(connection: AsyncConnection, keys: list[str], shown: dict[str, Any]) -> bool:
    """`shown`: its text, and its buttons if it has any. False where none of them waits to be sent."""
    return bool((await connection.execute(RENEW, {"keys": keys, "shown": shown})).rowcount)
