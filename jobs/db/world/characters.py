"""The people of worlds: planned together, then written one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json


@dataclass(frozen=True)
class Character:
    """`posts`: how many are planned. Username, role, group and concept are there first, the rest once it is written."""

    id: UUID
    world_id: UUID
    position: int
    username: str
    role: str
    social_group: str
    concept: str
    posts: int
    display_name: str | None
    bio: str | None
    appearance: str | None
    personality: str | None
    avatar_description: str | None
    interests: list[str]
    speaking_style: str | None
    avatar_media_id: UUID | None
    created_at: datetime
    written_at: datetime | None


COLUMNS = ", ".join(Character.__dataclass_fields__)
WRITTEN = (
    "display_name", "bio", "appearance", "personality", "avatar_description", "interests", "speaking_style",
)  # fmt: skip

GET = text(f"SELECT {COLUMNS} FROM characters WHERE world_id = :world_id AND position = :position")
PAGE = text(
    f"SELECT {COLUMNS} FROM characters WHERE world_id = :world_id AND position > :after ORDER BY position LIMIT :limit"
)
PLAN = text(
    "INSERT INTO characters (id, world_id, position, username, role, social_group, concept, posts)"
    " SELECT id, :world_id, position, username, role, social_group, concept, posts FROM jsonb_to_recordset(:planned)"
    " AS row (id uuid, position integer, username text, role text, social_group text, concept text, posts integer)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("planned", type_=JSONB))
WRITE = text(
    f"UPDATE characters SET {', '.join(f'{name} = :{name}' for name in WRITTEN)}, written_at = now()"
    " WHERE world_id = :world_id AND position = :position AND written_at IS NULL"
).bindparams(bindparam("interests", type_=ARRAY(Text)))
SET_AVATAR = text(
    "UPDATE characters SET avatar_media_id = :media_id"
    " WHERE world_id = :world_id AND position = :position AND avatar_media_id IS NULL"
)


def id_of(world_id: UUID, position: int) -> UUID:
    """The same however often it is planned."""
    return uuid5(world_id, f"character {position}")


async def get(connection: AsyncConnection, world_id: UUID, position: int) -> Character | None:
    row = (await connection.execute(GET, {"world_id": world_id, "position": position})).mappings().first()
    return Character(**row) if row else None


async def page(
    connection: AsyncConnection, world_id: UUID, *, after: int = 0, limit: int = 1000
) -> Sequence[Character]:
    """In the order of their positions, from the one `after` that position."""
    values = {"world_id": world_id, "after": after, "limit": limit}
    return [Character(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def plan(connection: AsyncConnection, world_id: UUID, planned: Sequence[Json]) -> None:
    """Each: position, username, role, social_group, concept and posts."""
    rows: list[dict[str, Any]] = [{**each, "id": str(id_of(world_id, each["position"]))} for each in planned]
    await connection.execute(PLAN, {"world_id": world_id, "planned": rows})


async def write(connection: AsyncConnection, world_id: UUID, position: int, written: Json) -> None:
    """`written`: all of WRITTEN."""
    await connection.execute(WRITE, {"world_id": world_id, "position": position, **written})


async def set_avatar(connection: AsyncConnection, world_id: UUID, position: int, media_id: UUID) -> None:
    values = {"world_id": world_id, "position": position, "media_id": media_id}
    await connection.execute(SET_AVATAR, values)
