"""Worlds. What one step has written no other one writes over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json

WorldPicture = Literal["background", "icon"]


@dataclass(frozen=True)
class World:
    """`users` and `posts`: how many were asked for; `pictures`: whether any.

    The words are None until it is described.
    """

    id: UUID
    owner: str
    prompt: str
    users: int
    posts: int
    pictures: bool
    language: str | None
    name: str | None
    description: str | None
    theme: str | None
    technology_level: str | None
    social_structure: str | None
    culture: str | None
    geography: str | None
    visual_style: str | None
    history: str | None
    notable_locations: list[dict[str, str]]
    social_groups: list[Json]
    image_style: str | None
    background_prompt: str | None
    icon_prompt: str | None
    background_media_id: UUID | None
    icon_media_id: UUID | None
    created_at: datetime
    described_at: datetime | None


@dataclass(frozen=True)
class Made:
    """How many there are of what a world consists of; `posts` and `characters` that are written."""

    characters: int
    avatars: int
    posts: int
    post_images: int


COLUMNS = ", ".join(World.__dataclass_fields__)
WRITTEN = (
    "language", "name", "description", "theme", "technology_level", "social_structure", "culture", "geography",
    "visual_style", "history", "notable_locations", "social_groups", "image_style", "background_prompt", "icon_prompt",
)  # fmt: skip

GET = text(f"SELECT {COLUMNS} FROM worlds WHERE id = :id AND owner = :owner")
PAGE = text(
    f"SELECT {COLUMNS} FROM worlds WHERE owner = :owner AND (CAST(:before AS timestamptz) IS NULL"
    " OR (created_at, id) < (CAST(:before AS timestamptz), CAST(:before_id AS uuid)))"
    " ORDER BY created_at DESC, id DESC LIMIT :limit"
)
CREATE = text(
    "INSERT INTO worlds (id, owner, prompt, users, posts, pictures)"
    " VALUES (:id, :owner, :prompt, :users, :posts, :pictures)"
    # a door made it when it took the job in; the worker knows better what draws
    " ON CONFLICT (id) DO UPDATE SET pictures = excluded.pictures WHERE worlds.described_at IS NULL"
)
DESCRIBE = text(
    f"UPDATE worlds SET {', '.join(f'{name} = :{name}' for name in WRITTEN)}, described_at = now()"
    " WHERE id = :id AND described_at IS NULL"
).bindparams(bindparam("notable_locations", type_=JSONB), bindparam("social_groups", type_=JSONB))
SET_PICTURE = {
    which: text(f"UPDATE worlds SET {which}_media_id = :media_id WHERE id = :id AND {which}_media_id IS NULL")
    for which in ("background", "icon")
}
MADE = text(
    "SELECT (SELECT count(*) FROM characters WHERE world_id = :id AND written_at IS NOT NULL) AS characters,"
    " (SELECT count(*) FROM characters WHERE world_id = :id AND avatar_media_id IS NOT NULL) AS avatars,"
    " (SELECT count(*) FROM posts WHERE world_id = :id AND written_at IS NOT NULL) AS posts,"
    " (SELECT count(*) FROM posts WHERE world_id = :id AND image_media_id IS NOT NULL) AS post_images"
)


async def create(
    connection: AsyncConnection, world_id: UUID, owner: str, *, prompt: str, users: int, posts: int, pictures: bool
) -> None:
    values = {"id": world_id, "owner": owner, "prompt": prompt, "users": users, "posts": posts, "pictures": pictures}
    await connection.execute(CREATE, values)


async def get(connection: AsyncConnection, owner: str, world_id: UUID) -> World | None:
    row = (await connection.execute(GET, {"id": world_id, "owner": owner})).mappings().first()
    return World(**row) if row else None


async def page(
    connection: AsyncConnection, owner: str, *, limit: int, before: tuple[datetime, UUID] | None = None
) -> Sequence[World]:
    """The newest first."""
    moment, world_id = before or (None, None)
    values: dict[str, Any] = {"owner": owner, "limit": limit, "before": moment, "before_id": world_id}
    return [World(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def describe(connection: AsyncConnection, world_id: UUID, written: Json) -> None:
    """`written`: all of WRITTEN."""
    await connection.execute(DESCRIBE, {"id": world_id, **written})


async def set_picture(connection: AsyncConnection, world_id: UUID, which: WorldPicture, media_id: UUID) -> None:
    await connection.execute(SET_PICTURE[which], {"id": world_id, "media_id": media_id})


async def made(connection: AsyncConnection, world_id: UUID) -> Made:
    return Made(**(await connection.execute(MADE, {"id": world_id})).mappings().one())
