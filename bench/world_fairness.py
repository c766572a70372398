"""What does a chat notice of a large world beside it, and do two worlds get the same?"""

import asyncio
import random
from collections.abc import Sequence

from bench.children import Command
from bench.figures import Figure, milliseconds, percentile, spread
from bench.ground import Ground
from bench.ours import worker
from bench.world_scene import Pace, WorldScene, lane_workers, world_scene, world_workers
from jobs.kinds.contract import NewJob

USERS, POSTS = 50, 500
# of the world's model: so long does a step of it run that a reply may have to wait for
STEP_SECONDS = 0.2
PICTURE_SECONDS = 0.2
BETWEEN = 0.1
SEED = 20261122
LEAST_SHARE = 0.45
FIRST, SECOND = "account:first", "account:second"

REPLY = NewJob("generate_reply", {"persona": "lina", "user_message": "How was your day?"}, "account:chat")
OPEN_REPLIES = "SELECT count(*) FROM jobs WHERE kind = 'generate_reply' AND status <> 'completed'"
REPLIES = (
    "SELECT extract(epoch FROM finished_at - created_at) FROM jobs WHERE kind = 'generate_reply' ORDER BY created_at"
)
IN_FULL_SWING = "SELECT (count(*) >= %s)::int FROM jobs WHERE kind = 'generate_post' AND status = 'pending'"
WRITING = "SELECT count(*) FROM jobs WHERE queue = 'world' AND status = 'processing' AND parent_id IS NOT NULL"
STEPS = "SELECT count(*) FROM jobs WHERE parent_id IS NOT NULL AND status = 'completed'"


async def measure(ground: Ground) -> list[Figure]:
    return [*await _replies(ground), await _shares(ground)]


async def _replies(ground: Ground) -> list[Figure]:
    count = 60 if ground.quick else 200
    async with world_scene(ground, Pace(STEP_SECONDS, PICTURE_SECONDS), {**one_for_both(), **lane_workers()}) as scene:
        await _ask(scene, 10)
        alone = await _ask(scene, count)
        await scene.begin(USERS, POSTS)
        await scene.until_it(IN_FULL_SWING, POSTS // 4, what="have many posts waiting")
        beside = await _ask(scene, count)
        still, steps = scene.number(WRITING), scene.number(STEPS)
    longer = percentile(beside, 0.99) - percentile(alone, 0.99)
    how = (
        f"one worker for llm and world, one for each lane; a reply about each {milliseconds(BETWEEN)}, {count} times,"
        " from a model that answers at once; from the job's commit to its end. The world's model takes"
        f" {milliseconds(STEP_SECONDS)}. At the last reply {steps} of its steps had ended, and {still} were running"
    )
    return [
        Figure("a reply, alone", spread(alone)),
        Figure(f"a reply beside a world of {USERS} people and {POSTS} posts", spread(beside), how),
        Figure(
            "  longer than alone", f"p99 {milliseconds(longer)}", "", f"≤ one step, {milliseconds(STEP_SECONDS)}",
            longer <= STEP_SECONDS,
        ),
    ]  # fmt: skip


def one_for_both() -> dict[str, Command]:
    return {"worker-both": worker("llm,world,housekeeping")}


async def _ask(scene: WorldScene, count: int) -> Sequence[float]:
    """Seconds of each, once all have ended."""
    before, chance = len(scene.rows(REPLIES)), random.Random(SEED)
    for _ in range(count):
        await scene.submit(NewJob(REPLY.kind, REPLY.input, REPLY.owner))
        await asyncio.sleep(BETWEEN * chance.uniform(0.5, 1.5))
    await scene.until_it(f"SELECT (({OPEN_REPLIES}) = 0)::int", what="answer all")
    return [float(seconds) for (seconds,) in scene.rows(REPLIES)[before:]]


async def _shares(ground: Ground, users: int = 10, posts: int = 150) -> Figure:
    half = 2 + 2 * users + posts  # of two such worlds
    async with world_scene(ground, Pace(0.05), world_workers()) as scene:
        for owner in (FIRST, SECOND):
            await scene.begin(users, posts, owner)
        await scene.until_it(f"SELECT (({STEPS}) >= %s)::int", half, what="do half of the steps")
        first, second = (scene.number(f"{STEPS} AND owner = %s", owner) for owner in (FIRST, SECOND))
    share = min(first, second) / (first + second)
    return Figure(
        "two worlds of two owners, at half time",
        f"{first} and {second} steps, the smaller share {share:.0%}",
        f"both begun at once, {users} people and {posts} posts each, one worker with 10 places",
        f"≥ {LEAST_SHARE:.0%}",
        share >= LEAST_SHARE,
    )
