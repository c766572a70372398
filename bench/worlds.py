"""How near does a world come to its ideal, how many steps are done in a second, what does it cost, and who waits?"""

from dataclasses import dataclass

from bench import trees, world_fairness
from bench.drained import Drained, middle, watch
from bench.figures import Figure, median, milliseconds
from bench.ground import Ground
from bench.lane_servers import LANES
from bench.world_ideal import Ideal, Limits, World, ideal
from bench.world_scene import Pace, WorldScene, lane_workers, world_scene, world_workers
from jobs.guard.settings import GuardSettings

TITLE = "worlds: beside their ideal, their steps in a second, what they take, and what a chat notices of them"
USERS, POSTS = 20, 200
CALL_SECONDS, PICTURE_SECONDS = 0.05, 0.2
LONGEST = 1.15
# more than the model takes from worlds at a time
CONCURRENCY = "--concurrency=20"

SECONDS = "SELECT extract(epoch FROM finished_at - created_at) FROM jobs WHERE parent_id IS NULL"
CALLS = "SELECT count(*) FROM provider_calls WHERE sort = 'llm'"
PICTURES = "SELECT count(*) FROM jobs WHERE queue LIKE 'gpu-%%'"
POST_IMAGES = "SELECT count(*) FROM jobs WHERE kind = 'generate_post_image'"
JOBS = "SELECT count(*) FROM jobs"
DONE = "SELECT count(*) FROM jobs WHERE status = 'completed'"
SIZE = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True)
class Made:
    """`size`: bytes by which the database has grown; `files`: bytes of the pictures."""

    seconds: float
    best: Ideal
    jobs: int
    size: int
    files: int


async def measure(ground: Ground) -> list[Figure]:
    rounds = 1 if ground.quick else 3
    made = [await _made(ground) for _ in range(rounds)]
    found = [*_beside_ideal(made), *await _rates(ground, rounds), _taken(made[0])]
    found += await world_fairness.measure(ground)
    return [*found, *await trees.measure(ground)]


async def _made(ground: Ground, users: int = USERS, posts: int = POSTS) -> Made:
    pace = Pace(CALL_SECONDS, PICTURE_SECONDS)
    async with world_scene(ground, pace, {**world_workers(1, CONCURRENCY), **lane_workers()}) as scene:
        before = scene.number(SIZE)
        await scene.begin(users, posts)
        await scene.until_ended()
        [[seconds]] = scene.rows(SECONDS)
        world = World(users, posts, scene.number(CALLS), scene.number(PICTURES), scene.number(POST_IMAGES))
        files = sum(each.stat().st_size for each in scene.media.rglob("*") if each.is_file())
        return Made(float(seconds), ideal(world, limits()), scene.number(JOBS), scene.number(SIZE) - before, files)


def limits() -> Limits:
    """Those of the shipped settings, with the places that steps of worlds leave to others."""
    calls = GuardSettings(_env_file=None).limits("gemini", "llm", yields=True).of_sort
    return Limits(CALL_SECONDS, calls, PICTURE_SECONDS, LANES)


def _beside_ideal(made: list[Made]) -> list[Figure]:
    ratio = median([each.seconds / each.best.seconds for each in made])
    one, given = made[0], limits()
    how = (
        f"one worker for `world` ({CONCURRENCY}), one for each of {LANES} lanes; a model that answers after"
        f" {milliseconds(CALL_SECONDS)}, {given.calls} calls at a time, pictures of {milliseconds(PICTURE_SECONDS)};"
        f" median of {len(made)} round(s), by the root's own times. Ideal: the longest of its chain of calls and a"
        f" picture ({one.best.chain:.2f} s), all calls over their places ({one.best.calls:.2f} s), and all pictures"
        f" over the lanes once the world is described ({one.best.pictures:.2f} s)"
    )
    spent = f"{median([each.seconds for each in made]):.2f} s, ideal {one.best.seconds:.2f} s"
    return [
        Figure(f"a world of {USERS} people and {POSTS} posts, {one.jobs} jobs", spent, how),
        Figure("  of the ideal", f"{ratio:.3f}", "", f"≤ {LONGEST:.2f}", ratio <= LONGEST),
    ]


async def _rates(ground: Ground, rounds: int) -> list[Figure]:
    users, posts = (10, 200) if ground.quick else (20, 500)
    found: dict[int, list[Drained]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers in found:  # in turns: the machine is never the same for long
            found[workers].append(await _rate(ground, workers, users, posts))
    how = (
        f"{users} people and {posts} posts without pictures, the whole tree from its first ended step to its end,"
        f" {CONCURRENCY}; the model answers at once, in a process of its own on the same cores; median of {rounds}"
        " round(s) in turns. In brackets the processor time per step in the worker(s) and in PostgreSQL"
    )
    figures = [Figure(f"steps of a world, {count} worker(s)", _value(middle(each))) for count, each in found.items()]
    return [*figures, Figure("", "", how)]


async def _rate(ground: Ground, workers: int, users: int, posts: int) -> Drained:
    # itself, its description and its people in outline; the people, what they will post, and their posts
    jobs = 3 + 2 * users + posts
    async with world_scene(ground, Pace(0.0), world_workers(workers, CONCURRENCY)) as scene:
        await scene.begin(users, posts)
        return await watch(ground, scene.workers, lambda: _done(scene), jobs)


def _done(scene: WorldScene) -> int:
    return scene.number(DONE)


def _taken(made: Made) -> Figure:
    kilobytes = made.size / 1000 / made.jobs
    return Figure(
        "database for 1,000 jobs of a world",
        f"{kilobytes:.1f} MB, and {made.files / 1e6 / made.jobs * 1000:.0f} MB of pictures",
        "the growth of the whole database, with indexes, events, tickets and the log of calls, before any vacuum",
    )


def _value(drained: Drained) -> str:
    return f"{drained.rate:.0f}/s  [{milliseconds(drained.worker)} + {milliseconds(drained.stores)}]"
