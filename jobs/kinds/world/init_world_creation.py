"""A world from a prompt: written down, then grown by the steps below, which begin with its description."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Job
from jobs.db.world import worlds
from jobs.errors import Misconfigured
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import Further, NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.kinds.world.inputs import MOST_POSTS, MOST_USERS
from jobs.kinds.world.made import MadeWorld, made_world

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL


class Input(KindInput):
    """How many people live there, and how many posts they write together. Texts are in the language of the prompt."""

    prompt: str = Field(min_length=1, max_length=4000, pattern=r"\S")
    users: int = Field(ge=1, le=MOST_USERS)
    posts: int = Field(ge=0, le=MOST_POSTS)
    pictures: bool | None = Field(
        default=None,
        description="false: texts alone. Left out, there are pictures where this installation can draw them.",
    )


class Begun(BaseModel):
    """While it grows. The world's id is the job's."""

    world_id: UUID


Result = MadeWorld


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    job, wanted, draws = run.job, run.input.pictures, resources.intake.draws
    if wanted and not draws:
        words = "Nothing here draws pictures. Set COMFYUI_HOSTS, for example localhost:8188, or ask without pictures."
        raise Misconfigured(words)
    describe = NewJob(
        "generate_world_description", {"world_id": str(job.id)}, job.owner, stage="description", critical=True
    )
    save = partial(_save, job, run.input, draws if wanted is None else wanted)
    return Outcome(Begun(world_id=job.id), save=save, children=[describe])


async def after_steps(connection: AsyncConnection, root: Job) -> Further:
    """What there is of the world, once no step is open."""
    world = await worlds.get(connection, root.owner, root.id)
    if world is None:
        return Further()
    return Further(result=(await made_world(connection, world)).model_dump(mode="json"))


async def _save(job: Job, given: Input, pictures: bool, connection: AsyncConnection) -> list[NewJob]:
    await worlds.create(
        connection,
        job.id,
        job.owner,
        prompt=given.prompt,
        users=given.users,
        posts=given.posts,
        pictures=pictures,
    )
    return []
