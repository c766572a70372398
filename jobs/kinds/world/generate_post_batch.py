"""What one person of a world will post: as many posts as are planned for them, as parts of one story."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json
from jobs.db.world import posts
from jobs.db.world.characters import Character
from jobs.db.world.worlds import World
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.world.inputs import OfCharacter
from jobs.kinds.world.scene import described, in_its_language, step, writing_in, written_character_of
from jobs.worlds.forms import PostOutline
from jobs.worlds.plans import post_positions
from jobs.worlds.prompting import Asked, about_character, about_world, asked

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = OTHER


class Input(OfCharacter):
    pass


class Result(BaseModel):
    """Where in the feed of the world the posts stand."""

    posts: list[int]


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world = await described(run, run.input.world_id)
    character = await written_character_of(run, world, run.input.character)
    positions = post_positions(character.position, world.users, world.posts)
    async with run.database.statement() as connection:
        known = await posts.of_character(connection, character.id)
    if known or not positions:
        return Outcome(Result(posts=[each.position for each in known]))
    writing = writing_in(world, resources.world_llm)
    outlines = await writing.many(
        len(positions),
        PostOutline,
        partial(_ask, world, character),
        same=lambda each: each.concept.lower(),
        kept=partial(in_its_language, world),
    )
    planned: list[Json] = [
        {"position": position, "concept": outline.concept, "has_image": outline.has_image and world.pictures}
        for position, outline in zip(positions, outlines, strict=True)
    ]
    children = [step(run, "generate_post", "posts", post=position) for position in positions]
    save = partial(_save, world.id, character.id, planned)
    return Outcome(Result(posts=positions), writing.usage, save=save, children=children)


def _ask(world: World, character: Character, count: int, there: Sequence[PostOutline]) -> Asked:
    told = "\n".join(f"- {each.concept}" for each in there)
    return asked(
        "post_batch",
        world=about_world(world),
        character=about_character(character),
        before=f"Planned already:\n{told}" if told else "",
        language=world.language,
        count=count,
        username=character.username,
    )


async def _save(
    world_id: UUID, character_id: UUID, planned: Sequence[Json], connection: AsyncConnection
) -> list[NewJob]:
    await posts.plan(connection, world_id, character_id, planned)
    return []
