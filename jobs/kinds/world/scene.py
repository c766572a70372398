"""What a step must know of its world before it begins, and the parts of a tree that it grows."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from jobs.db.world import characters, posts, worlds
from jobs.db.world.characters import Character
from jobs.db.world.posts import Post
from jobs.db.world.worlds import World
from jobs.errors import NotFound
from jobs.kinds.contract import NewJob, Run
from jobs.worlds.language import is_same
from jobs.worlds.writing import Writing

if TYPE_CHECKING:
    from jobs.providers.chat_model import ChatModel


async def world_of(run: Run[Any], world_id: UUID) -> World:
    """The run's owner's. Raises NotFound."""
    async with run.database.statement() as connection:
        world = await worlds.get(connection, run.job.owner, world_id)
    if world is None:
        raise NotFound(f"There is no world {world_id}.")
    return world


async def described(run: Run[Any], world_id: UUID) -> World:
    """Raises NotFound also while nobody has described it."""
    world = await world_of(run, world_id)
    if world.described_at is None:
        raise NotFound("The world is not described yet. Ask for generate_world_description first.")
    return world


async def character_of(run: Run[Any], world: World, position: int) -> Character:
    async with run.database.statement() as connection:
        character = await characters.get(connection, world.id, position)
    if character is None:
        raise NotFound(f"There is no character {position} in this world yet.")
    return character


async def written_character_of(run: Run[Any], world: World, position: int) -> Character:
    character = await character_of(run, world, position)
    if character.written_at is None:
        raise NotFound(f"The character {position} is not written yet. Ask for generate_character first.")
    return character


async def post_of(run: Run[Any], world: World, position: int) -> Post:
    async with run.database.statement() as connection:
        post = await posts.get(connection, world.id, position)
    if post is None:
        raise NotFound(f"There is no post {position} in this world yet.")
    return post


def writing_in(world: World, model: "ChatModel") -> Writing:
    """For a world that is described: in the language of its description."""
    return Writing(model, world.description or "")


def in_its_language(world: World, text: str) -> bool:
    return is_same(world.description or "", text, world.language or "")


def step(run: Run[Any], kind: str, stage: str, *, critical: bool = False, **given: Any) -> NewJob:
    """Below the run's job, for the same world."""
    world_id = str(run.input.world_id)
    return NewJob(kind, {"world_id": world_id, **given}, run.job.owner, stage=stage, critical=critical)
