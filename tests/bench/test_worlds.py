"""The bench of worlds: the ideal that it measures against, and its smallest form, with true workers."""

from pathlib import Path

import pytest

from bench import world_fairness, worlds
from bench.ground import Ground
from bench.world_ideal import Limits, World, ideal
from bench.world_scene import Pace, world_scene
from sandbox.postgres import EmbeddedPostgres

LIMITS = Limits(call_seconds=0.05, calls=12, picture_seconds=0.2, lanes=2)


@pytest.mark.parametrize(
    ("world", "longest", "seconds"),
    [
        # 243 calls by 12, and 140 pictures on two lanes: these take longest
        (World(20, 200, calls=243, pictures=140, post_images=118), "pictures", 0.05 + 70 * 0.2),
        # description, outline, person, outline of posts, post: one after the other, and then a picture
        (World(2, 2, calls=7, pictures=2, post_images=1), "chain", 5 * 0.05 + 0.2),
        # 25 people are outlined in three calls, 250 posts in one for each
        (World(25, 250, calls=304, pictures=0, post_images=0), "calls", 304 / 12 * 0.05),
        (World(12, 0, calls=15, pictures=0, post_images=0), "chain", 4 * 0.05),
    ],
)
def test_no_world_is_there_before_its_ideal(world: World, longest: str, seconds: float) -> None:
    best = ideal(world, LIMITS)
    assert best.seconds == getattr(best, longest) == pytest.approx(seconds)


def test_the_limits_are_those_of_the_shipped_settings() -> None:
    assert worlds.limits() == LIMITS


@pytest.mark.slow
async def test_a_small_world_is_measured(
    postgres: EmbeddedPostgres, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.world_scene.TEMPLATE", template)
    ground = Ground(postgres, tmp_path, quick=True)
    made = await worlds._made(ground, users=2, posts=3)
    assert made.jobs >= 3 + 2 + 4 + 2 + 3
    assert made.seconds >= made.best.seconds == made.best.pictures > 0.5
    assert made.size > 0 < made.files
    drained = await worlds._rate(ground, 2, users=2, posts=6)
    assert drained.rate > 0 < drained.worker
    figure = await world_fairness._shares(ground, users=1, posts=4)
    assert figure.met is not None


@pytest.mark.slow
async def test_replies_are_measured_beside_a_world(
    postgres: EmbeddedPostgres, template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.world_scene.TEMPLATE", template)
    monkeypatch.setattr(world_fairness, "BETWEEN", 0.01)
    ground = Ground(postgres, tmp_path, quick=True)
    async with world_scene(ground, Pace(0.0), world_fairness.one_for_both()) as scene:
        assert len(await world_fairness._ask(scene, 5)) == 5
        assert len(await world_fairness._ask(scene, 3)) == 3, "only those that were asked now"
