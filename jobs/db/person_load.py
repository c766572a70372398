"""How much of one person's is under way now?"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Load:
    """Open jobs that were asked for; what follows below them is a part of them."""

    jobs: int
    pictures: int


OPEN = text(
    "SELECT count(*) AS jobs, count(*) FILTER (WHERE kind = ANY(:picture_kinds)) AS pictures FROM jobs"
    " WHERE owner = :owner AND status IN ('pending', 'processing') AND parent_id IS NULL"
).bindparams(bindparam("picture_kinds", type_=ARRAY(Text)))

WAITING = text(
    "SELECT count(*) FROM (SELECT 1 FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'user' AND id >"
    " coalesce((SELECT answers FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'assistant'"
    "  ORDER BY coalesce(answers, id) DESC, id DESC LIMIT 1), 0) LIMIT :limit) AS waiting"
)


async def open_work(connection: AsyncConnection, owner: str, picture_kinds: Sequence[str]) -> Load:
    values = {"owner": owner, "picture_kinds": list(picture_kinds)}
    return Load(**(await connection.execute(OPEN, values)).mappings().one())


async def waiting_messages(connection: AsyncConnection, dialog_id: int, limit: int) -> int:
    """Those of the person that no answer has read yet; counted no further than `limit`."""
    values = {"dialog_id": dialog_id, "limit": limit}
    return int((await connection.execute(WAITING, values)).scalar_one())
