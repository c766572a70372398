"""Some posts of a world, or of one of its people, and where the following ones begin."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.world import world_report

AT_A_TIME = 20
# the position with which the page before ended
After = Annotated[int, Query(ge=0, le=1_000_000)]


async def some_posts(
    connection: AsyncConnection, world_id: UUID, after: int, *, character_id: UUID | None = None
) -> dict[str, Any]:
    """Those that can be read by now."""
    found = await world_report.feed(
        connection, world_id, AT_A_TIME + 1, after=after, character_id=character_id, written=True
    )
    shown = found[:AT_A_TIME]
    return {"posts": shown, "following": shown[-1].post.position if len(found) > AT_A_TIME else None}
