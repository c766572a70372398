"""The picture of one post."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import posts
from jobs.errors import NotFound
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.world.inputs import OfPost
from jobs.kinds.world.picture import PictureResult, drawn, there_already
from jobs.kinds.world.scene import described, post_of
from jobs.worlds.prompting import filled

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = 2


class Input(OfPost):
    @property
    def width(self) -> int:
        return 768

    @property
    def height(self) -> int:
        return 512


Result = PictureResult


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world = await described(run, run.input.world_id)
    post = await post_of(run, world, run.input.post)
    if post.image_media_id:
        return there_already(post.image_media_id)
    if post.image_prompt is None:
        raise NotFound("This post has no picture, or is not written yet. Ask for generate_post first.")
    prompt = filled("post_image", image_prompt=post.image_prompt, image_style=world.image_style)
    return await drawn(run, resources, prompt, partial(_keep, world.id, post.position))


async def _keep(world_id: UUID, position: int, connection: AsyncConnection, media_id: UUID) -> None:
    await posts.set_image(connection, world_id, position, media_id)
