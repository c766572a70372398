"""How much of one person's is under way now?"""

from dataclasses import dataclass

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Load:
    """Open jobs that were asked for; what follows below them is a part of them. `apart`: those of some kinds."""

    jobs: int
    apart: int


# for jobs.ACCEPT, whose PARAMETERS these are
OPEN = (
    "SELECT json_build_object('jobs', count(*), 'apart', count(*) FILTER (WHERE kind = ANY(:apart))) FROM jobs"
    " WHERE owner = :owner AND status IN ('pending', 'processing') AND parent_id IS NULL"
)
PARAMETERS = (bindparam("apart", type_=ARRAY(Text)), bindparam("owner", type_=Text))

WAITING = text(
    "SELECT count(*) FROM (SELECT 1 FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'user' AND id >"
    " coalesce((SELECT answers FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'assistant'"
    "  ORDER BY coalesce(answers, id) DESC, id DESC LIMIT 1), 0) LIMIT :limit) AS waiting"
)


async def waiting_messages(connection: AsyncConnection, dialog_id: int, limit: int) -> int:
    """Those of the person that no answer has read yet; counted no further than `limit`."""
    values = {"dialog_id": dialog_id, "limit": limit}
    return int((await connection.execute(WAITING, values)).scalar_one())
