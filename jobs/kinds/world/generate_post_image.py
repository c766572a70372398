"""The picture of one post."""

from functools import partial
from typing import ClassVar

from jobs.db.world import posts
from jobs.errors import NotFound
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import Run
from jobs.kinds.world.inputs import OfPost
from jobs.kinds.world.picture import PictureResult, Subject, drawing
from jobs.kinds.world.scene import described, post_of
from jobs.worlds.prompting import filled

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = OTHER


class Input(OfPost):
    width: ClassVar[int] = 768
    height: ClassVar[int] = 512


Result = PictureResult


async def _illustration(run: Run[Input]) -> Subject:
    world = await described(run, run.input.world_id)
    post = await post_of(run, world, run.input.post)
    if post.image_prompt is None:
        raise NotFound("This post has no picture, or is not written yet. Ask for generate_post first.")
    prompt = filled("post_image", image_prompt=post.image_prompt, image_style=world.image_style)
    return Subject(post.image_media_id, prompt, partial(posts.set_image, world_id=world.id, position=post.position))


run = drawing(_illustration)
