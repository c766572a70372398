"""Who lives in a world: as many as were asked for, over all its groups and roles, each with a name of their own."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json
from jobs.db.world import characters
from jobs.db.world.worlds import World
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.world.inputs import OfWorld
from jobs.kinds.world.scene import described, in_its_language, step, writing_in
from jobs.worlds.forms import CharacterOutline
from jobs.worlds.names import alike, free, username
from jobs.worlds.plans import Place, places, seats
from jobs.worlds.prompting import Asked, about_world, asked

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL


class Input(OfWorld):
    pass


class Result(BaseModel):
    usernames: list[str]


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world = await described(run, run.input.world_id)
    async with run.database.statement() as connection:
        known = await characters.page(connection, world.id)
    if known:
        return Outcome(Result(usernames=[each.username for each in known]))
    planned = places(world.social_groups, world.users, world.posts)
    writing = writing_in(world, resources.world_llm)
    outlines = await writing.many(
        world.users,
        CharacterOutline,
        partial(_ask, world, planned),
        same=lambda each: alike(each.username),
        kept=partial(in_its_language, world),
    )
    people = _people(planned, outlines)
    children = [step(run, "generate_character", "characters", character=each.position) for each in planned]
    names = [str(each["username"]) for each in people]
    return Outcome(Result(usernames=names), writing.usage, save=partial(_save, world.id, people), children=children)


def _ask(world: World, planned: Sequence[Place], count: int, there: Sequence[CharacterOutline]) -> Asked:
    taken = seats([each.position for each in planned], there)
    wanted = [each for each in planned if each.position not in taken][:count]
    lines = [f"{each.position}. {each.role}, of {each.social_group}" for each in wanted]
    return asked(
        "character_batch",
        world=about_world(world),
        language=world.language,
        taken=", ".join(each.username for each in there) or "(none yet)",
        count=count,
        places="\n".join(lines),
    )


def _people(planned: Sequence[Place], outlines: Sequence[CharacterOutline]) -> list[Json]:
    seated, names = seats([each.position for each in planned], outlines), list[str]()
    for place in planned:
        names.append(free(username(seated[place.position].username, place.position), names))
    return [
        {**vars(place), "username": name, "concept": seated[place.position].concept}
        for place, name in zip(planned, names, strict=True)
    ]


async def _save(world_id: UUID, people: Sequence[Json], connection: AsyncConnection) -> list[NewJob]:
    await characters.plan(connection, world_id, people)
    return []
