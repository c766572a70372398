"""One post in the words of who writes it, as its plan says and after what they posted before."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json
from jobs.db.world import posts
from jobs.db.world.characters import Character
from jobs.db.world.posts import Post
from jobs.db.world.worlds import World
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.world.inputs import OfPost
from jobs.kinds.world.scene import described, in_its_language, post_of, step, writing_in, written_character_of
from jobs.worlds.forms import PostDetail, PostDetailWithImage
from jobs.worlds.names import hashtags
from jobs.worlds.prompting import Asked, about_character, about_world, asked

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "world"
CHAT_ACTION = "typing"
ATTEMPTS = OTHER
LONGEST = 1500
# of their other posts, the nearest
MOST_AROUND = 6
WITH_PICTURE = "The post shows a picture, which image_prompt describes in English."
WITHOUT_PICTURE = "The post shows no picture."


class Input(OfPost):
    pass


class Result(BaseModel):
    username: str
    content: str


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world = await described(run, run.input.world_id)
    post = await post_of(run, world, run.input.post)
    author = await written_character_of(run, world, (post.position - 1) % world.users + 1)
    if post.content is not None:
        return Outcome(Result(username=author.username, content=post.content))
    async with run.database.statement() as connection:
        others = await posts.of_character(connection, author.id)
    writing = writing_in(world, resources.world_llm)
    form: type[PostDetail] = PostDetailWithImage if post.has_image else PostDetail
    question = _question(world, author, post, others)
    written = await writing.one(
        question, form, max_tokens=LONGEST, kept=lambda each: in_its_language(world, each.content)
    )
    children = [step(run, "generate_post_image", "post_images", post=post.position)] if post.has_image else []
    save = partial(_save, world.id, post.position, _row(written))
    result = Result(username=author.username, content=written.content)
    return Outcome(result, writing.usage, save=save, children=children)


def _question(world: World, author: Character, post: Post, others: Sequence[Post]) -> Asked:
    near = [each for each in others if each.position != post.position]
    near.sort(key=lambda each: abs(each.position - post.position))
    lines = [
        f"- {'before' if each.position < post.position else 'later'}: {each.concept}"
        for each in sorted(near[:MOST_AROUND], key=lambda each: each.position)
    ]
    return asked(
        "post_detail",
        world=about_world(world),
        character=about_character(author),
        around="Their other posts:\n" + "\n".join(lines) if lines else "",
        language=world.language,
        picture=WITH_PICTURE if post.has_image else WITHOUT_PICTURE,
        username=author.username,
        concept=post.concept,
    )


def _row(written: PostDetail) -> Json:
    row = {"image_prompt": None, **written.model_dump(mode="json")}
    return {**row, "hashtags": hashtags(written.hashtags)}


async def _save(world_id: UUID, position: int, written: Json, connection: AsyncConnection) -> list[NewJob]:
    await posts.write(connection, world_id, position, written)
    return []
