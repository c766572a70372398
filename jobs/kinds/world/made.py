"""What a world's job tells at its end: how much there is of what was asked for, what is missing, and where to look."""

from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.world import world_missing, worlds
from jobs.db.world.worlds import World
from jobs.webhooks.surroundings import surroundings


class Why(BaseModel):
    code: str
    detail: str


class Missing(BaseModel):
    """`what`: background, icon, characters, avatars, posts or post_images; `positions` of those characters or posts."""

    what: str
    count: int
    positions: list[int]
    error: Why | None


class Planned(BaseModel):
    users: int
    posts: int


class Addresses(BaseModel):
    """`page` is for people. Pictures that are not there have none."""

    self: str
    characters: str
    posts: str
    page: str
    background: str | None
    icon: str | None


class MadeWorld(BaseModel):
    """The world's id is the job's. The numbers say what there is, which is less than planned where steps have failed.

    `pictures`: false where there are none because nothing here draws them, or because none were wanted.
    """

    world_id: UUID
    name: str | None
    pictures: bool
    planned: Planned
    users: int
    avatars: int
    posts: int
    post_images: int
    missing: list[Missing]
    urls: Addresses


async def made_world(connection: AsyncConnection, world: World) -> MadeWorld:
    made = await worlds.made(connection, world.id)
    missing = await world_missing.missing(connection, world.id)
    return MadeWorld(
        world_id=world.id,
        name=world.name,
        pictures=world.pictures,
        planned=Planned(users=world.users, posts=world.posts),
        users=made.characters,
        avatars=made.avatars,
        posts=made.posts,
        post_images=made.post_images,
        missing=[Missing.model_validate(vars(each)) for each in missing],
        urls=_addresses(world),
    )


def _addresses(world: World) -> Addresses:
    base = (surroundings().public_url or "").rstrip("/")
    itself = f"{base}/v1/worlds/{world.id}"
    background, icon = (each and f"{base}/v1/media/{each}" for each in (world.background_media_id, world.icon_media_id))
    return Addresses(
        self=itself,
        characters=f"{itself}/characters",
        posts=f"{itself}/posts",
        page=f"{base}/worlds/{world.id}",
        background=background,
        icon=icon,
    )
