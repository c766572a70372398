"""What a world is like: its name, society, look and history, from which all other steps follow."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json
from jobs.db.world import worlds
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.world.inputs import OfWorld
from jobs.kinds.world.scene import step, world_of
from jobs.worlds.forms import WorldDescription
from jobs.worlds.language import is_kept
from jobs.worlds.prompting import asked
from jobs.worlds.writing import Writing

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL
LONGEST = 4096


class Input(OfWorld):
    pass


class Result(BaseModel):
    world_id: UUID
    name: str


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world = await world_of(run, run.input.world_id)
    if world.name is not None:
        return Outcome(Result(world_id=world.id, name=world.name))
    writing = Writing(resources.world_llm, world.prompt)
    question = asked("world_description", prompt=world.prompt)
    written = await writing.one(question, WorldDescription, max_tokens=LONGEST, kept=partial(_is_kept, world.prompt))
    save = partial(_save, world.id, written.model_dump(mode="json"))
    pictures = ("background", "icon") if world.pictures else ()
    children = [
        step(run, "generate_character_batch", "character_batch", critical=True),
        *(step(run, "generate_world_image", "world_images", picture=each) for each in pictures),
    ]
    return Outcome(Result(world_id=world.id, name=written.name), writing.usage, save=save, children=children)


def _is_kept(prompt: str, written: WorldDescription) -> bool:
    return is_kept(prompt, f"{written.description} {written.theme} {written.history}", written.language)


async def _save(world_id: UUID, written: Json, connection: AsyncConnection) -> list[NewJob]:
    await worlds.describe(connection, world_id, written)
    return []
