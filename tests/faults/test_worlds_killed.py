"""Workers are shot while worlds grow: each ends all the same, with exactly the people and posts that were planned."""

import asyncio
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.housekeeping import sweep_stalled
from jobs.trees import looking
from tests.factories import rows, value
from tests.faults.workers import Workers
from tests.jobs.worlds.creation import Creation, creating

OPEN = "SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')"


@pytest.fixture
def shot(database_url: str) -> Iterator[Workers]:
    workers = Workers(database_url)
    yield workers
    workers.kill_all()


@pytest.mark.parametrize(
    ("worlds", "kills"), [(1, 2), pytest.param(8, 50, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
async def test_kill_9_while_a_world_grows(
    database: Database, shot: Workers, tmp_path: Path, worlds: int, kills: int
) -> None:
    dice = random.Random(kills)
    async with creating(database, tmp_path) as creation:
        creation.gemini.latency = 0.01
        roots = [await creation.ask(users=3, posts=8, owner=f"key:{number}") for number in range(worlds)]
        for _ in range(kills):
            await shoot(creation, shot, dice, tmp_path)
        last = start(creation, shot, tmp_path)
        while await value(database, OPEN):
            assert last.poll() is None, "the worker ended by itself"
            await asyncio.sleep(0.05)
        for root in roots:
            await require_as_planned(creation, root)
    twice = "SELECT kind, input FROM jobs WHERE parent_id IS NOT NULL GROUP BY kind, input HAVING count(*) > 1"
    assert await rows(database, twice) == []


def start(creation: Creation, shot: Workers, media: Path) -> "subprocess.Popen[bytes]":
    # what a dead worker holds of the limits is free again only after a while
    gemini = {"WORLD_LLM": "gemini", "GEMINI_BASE_URL": creation.address, "GEMINI_API_KEY": "key"}
    return shot.real(
        "world,gpu-0", "--concurrency=4", **gemini, COMFYUI_HOSTS=creation.lane.host, MEDIA_URL=f"file:{media}",
        MAX_CONCURRENT_LLM_REQUESTS="1000", LOG_LEVEL="ERROR",
    )  # fmt: skip


async def shoot(creation: Creation, shot: Workers, dice: random.Random, media: Path) -> None:
    """A worker that has begun to work dies at some moment, and is found dead."""
    events = "SELECT count(*) FROM job_events"
    enough = await value(creation.database, events) + dice.randrange(25)
    process = start(creation, shot, media)
    while await value(creation.database, events) <= enough and await value(creation.database, OPEN):
        assert process.poll() is None, "the worker ended by itself"
        await asyncio.sleep(0.01)
    await asyncio.sleep(dice.random() * 0.04)
    shot.kill_all()
    shot.processes.clear()
    await sweep_stalled(creation.database, seconds=0.0)  # no other worker is alive that could be taken for dead
    # as the clock does: one that died between the end of the last step and its look at the whole has no successor
    await looking.sweep(creation.resources)


async def require_as_planned(creation: Creation, root: Job) -> None:
    done, people, posts = await creation.look(root), await creation.people(root), await creation.posts(root)
    assert (done.status, done.partial, done.error) == ("completed", False, None)
    assert [each["position"] for each in people] == [1, 2, 3]
    assert [each["position"] for each in posts] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert all(each["written_at"] and each["avatar_media_id"] for each in people)
    assert all(each["written_at"] and (each["image_media_id"] is not None) == each["has_image"] for each in posts)
    with_image = sum(each["has_image"] for each in posts)
    steps = await value(creation.database, "SELECT count(*) FROM jobs WHERE root_id = :id", id=root.id)
    assert steps == 1 + 2 + 1 + 3 + 3 + 3 + 8 + with_image
    assert done.result is not None
    assert (done.result["users"], done.result["posts"], done.result["post_images"]) == (3, 8, with_image)
