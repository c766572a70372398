"""A world from a prompt: written down, then grown by the steps below, which begin with its description."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import worlds
from jobs.db.jobs import Job
from jobs.errors import Misconfigured
from jobs.kinds.contract import Further, NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.kinds.world.inputs import MOST_POSTS, MOST_USERS

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = 4


class Input(KindInput):
    """How many people live there, and how many posts they write together. Texts are in the language of the prompt."""

    prompt: str = Field(min_length=1, max_length=4000)
    users: int = Field(ge=1, le=MOST_USERS)
    posts: int = Field(ge=0, le=MOST_POSTS)


class Result(BaseModel):
    """The world's id is the job's. The numbers say what there is, which is less where steps have failed."""

    world_id: UUID
    name: str | None = None
    users: int = 0
    avatars: int = 0
    posts: int = 0
    post_images: int = 0


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    if not resources.intake.draws:
        raise Misconfigured("Nothing here draws pictures. Set COMFYUI_HOSTS, for example localhost:8188.")
    job = run.job
    describe = NewJob(
        "generate_world_description", {"world_id": str(job.id)}, job.owner, stage="description", critical=True
    )
    return Outcome(Result(world_id=job.id), save=partial(_save, job, run.input), children=[describe])


async def after_steps(connection: AsyncConnection, root: Job) -> Further:
    """What there is of the world, once no step is open."""
    world, made = await worlds.get(connection, root.owner, root.id), await worlds.made(connection, root.id)
    result = Result(
        world_id=root.id,
        name=world.name if world else None,
        users=made.characters,
        avatars=made.avatars,
        posts=made.posts,
        post_images=made.post_images,
    )
    return Further(result=result.model_dump(mode="json"))


async def _save(job: Job, given: Input, connection: AsyncConnection) -> list[NewJob]:
    await worlds.create(connection, job.id, job.owner, prompt=given.prompt, users=given.users, posts=given.posts)
    return []
