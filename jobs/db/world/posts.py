"""What the people of worlds post: planned for each of them together, then written one by one."""

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
class Post:
    """Concept and `has_image` are there first, the rest once it is written."""

    id: UUID
    world_id: UUID
    character_id: UUID
    position: int
    concept: str
    has_image: bool
    content: str | None
    image_prompt: str | None
    hashtags: list[str]
    mood: str | None
    context: str | None
    image_media_id: UUID | None
    created_at: datetime
    written_at: datetime | None


COLUMNS = ", ".join(Post.__dataclass_fields__)
WRITTEN = ("content", "image_prompt", "hashtags", "mood", "context")

GET = text(f"SELECT {COLUMNS} FROM posts WHERE world_id = :world_id AND position = :position")
PAGE = text(
    f"SELECT {COLUMNS} FROM posts WHERE world_id = :world_id AND position > :after ORDER BY position LIMIT :limit"
)
OF_CHARACTER = text(f"SELECT {COLUMNS} FROM posts WHERE character_id = :character_id ORDER BY position")
PLAN = text(
    "INSERT INTO posts (id, world_id, character_id, position, concept, has_image)"
    " SELECT id, :world_id, :character_id, position, concept, has_image FROM jsonb_to_recordset(:planned)"
    " AS row (id uuid, position integer, concept text, has_image boolean) ON CONFLICT DO NOTHING"
).bindparams(bindparam("planned", type_=JSONB))
WRITE = text(
    f"UPDATE posts SET {', '.join(f'{name} = :{name}' for name in WRITTEN)}, written_at = now()"
    " WHERE world_id = :world_id AND position = :position AND written_at IS NULL"
).bindparams(bindparam("hashtags", type_=ARRAY(Text)), bindparam("image_prompt", type_=Text))
SET_IMAGE = text(
    "UPDATE posts SET image_media_id = :media_id"
    " WHERE world_id = :world_id AND position = :position AND image_media_id IS NULL"
)


def id_of(world_id: UUID, position: int) -> UUID:
    """The same however often it is planned."""
    return uuid5(world_id, f"post {position}")


async def get(connection: AsyncConnection, world_id: UUID, position: int) -> Post | None:
    row = (await connection.execute(GET, {"world_id": world_id, "position": position})).mappings().first()
    return Post(**row) if row else None


async def page(connection: AsyncConnection, world_id: UUID, *, after: int = 0, limit: int = 1000) -> Sequence[Post]:
    """In the order of the feed, from the one `after` that position."""
    values = {"world_id": world_id, "after": after, "limit": limit}
    return [Post(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def of_character(connection: AsyncConnection, character_id: UUID) -> Sequence[Post]:
    return [Post(**row) for row in (await connection.execute(OF_CHARACTER, {"character_id": character_id})).mappings()]


async def plan(connection: AsyncConnection, world_id: UUID, character_id: UUID, planned: Sequence[Json]) -> None:
    """Each: position, concept and has_image."""
    rows: list[dict[str, Any]] = [{**each, "id": str(id_of(world_id, each["position"]))} for each in planned]
    await connection.execute(PLAN, {"world_id": world_id, "character_id": character_id, "planned": rows})


async def write(connection: AsyncConnection, world_id: UUID, position: int, written: Json) -> None:
    """`written`: all of WRITTEN."""
    await connection.execute(WRITE, {"world_id": world_id, "position": position, **written})


async def set_image(connection: AsyncConnection, world_id: UUID, position: int, media_id: UUID) -> None:
    values = {"world_id": world_id, "position": position, "media_id": media_id}
    await connection.execute(SET_IMAGE, values)
