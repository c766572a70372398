"""One person of a world in detail: looks, character, interests, way of speaking."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json
from jobs.db.world import characters
from jobs.db.world.worlds import World
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.world.inputs import OfCharacter
from jobs.kinds.world.scene import character_of, described, in_its_language, step, writing_in
from jobs.worlds.forms import CharacterDetail
from jobs.worlds.prompting import about_world, asked

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = OTHER
LONGEST = 2048


class Input(OfCharacter):
    pass


class Result(BaseModel):
    username: str
    display_name: str


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world, position = await described(run, run.input.world_id), run.input.character
    character = await character_of(run, world, position)
    if character.display_name is not None:
        return Outcome(Result(username=character.username, display_name=character.display_name))
    writing = writing_in(world, resources.world_llm)
    question = asked(
        "character_detail",
        world=about_world(world),
        language=world.language,
        username=character.username,
        role=character.role,
        social_group=character.social_group,
        concept=character.concept,
    )
    written = await writing.one(question, CharacterDetail, max_tokens=LONGEST, kept=partial(_is_kept, world))
    children = [step(run, "generate_character_avatar", "avatars", character=position)] if world.pictures else []
    if character.posts:
        children.append(step(run, "generate_post_batch", "post_batches", character=position))
    result = Result(username=character.username, display_name=written.display_name)
    save = partial(_save, world.id, position, written.model_dump(mode="json"))
    return Outcome(result, writing.usage, save=save, children=children)


def _is_kept(world: World, written: CharacterDetail) -> bool:
    return in_its_language(world, f"{written.bio} {written.personality} {written.speaking_style}")


async def _save(world_id: UUID, position: int, written: Json, connection: AsyncConnection) -> list[NewJob]:
    await characters.write(connection, world_id, position, written)
    return []
