"""Workers are shot in the middle of a tree: it ends all the same, as planned, with every step once."""

import asyncio
import random
import subprocess
from collections.abc import Iterator
from typing import Literal

import pytest

from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.housekeeping import sweep_stalled
from tests.factories import execute, rows, value, worker
from tests.faults.workers import Workers
from tests.jobs.growing import RUNS, Garden, Plan, registered

FAILING = {"p2-3", "p4-0"}


@pytest.fixture
def shot(database_url: str) -> Iterator[Workers]:
    workers = Workers(database_url)
    yield workers
    workers.kill_all()


def forty_steps(number: int) -> Plan:
    """Five branches of seven; two pictures of them fail, and one branch is broken by its first step."""

    def picture(branch: int, each: int) -> Plan:
        name = f"p{branch}-{each}"
        does: Literal["fail", "complete"] = "fail" if name in FAILING else "complete"
        return Plan(name=name, stage="pictures", seconds=0.04, critical=name == "p4-0", does=does)

    branches = [
        Plan(name=f"b{branch}", stage="branches", seconds=0.03, children=[picture(branch, each) for each in range(7)])
        for branch in range(5)
    ]
    return Plan(name=f"tree {number}", children=branches)


async def shoot(garden: Garden, shot: Workers, dice: random.Random) -> None:
    """A worker that has begun to work dies at some moment, and is found dead."""
    before = await value(garden.database, "SELECT count(*) FROM job_events")
    process = start(shot)
    while await value(garden.database, "SELECT count(*) FROM job_events") <= before + dice.randrange(20):
        if await value(garden.database, "SELECT count(*) = 0 FROM jobs WHERE status IN ('pending', 'processing')"):
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(dice.random() * 0.04)
    process.kill()
    process.wait()
    await sweep_stalled(garden.database, seconds=0.0)  # no other worker is alive that could be taken for dead


def start(shot: Workers) -> "subprocess.Popen[bytes]":
    # few at a time, so that a tree outlives several workers
    app = "tests.jobs.growing_worker.app"
    return shot.real("housekeeping", "--concurrency=3", app=app, LOG_LEVEL="ERROR")


# its short form in the suite is that of worlds, which are such trees
@pytest.mark.slow
@pytest.mark.parametrize(("trees", "kills"), [(1, 2), pytest.param(6, 50, marks=pytest.mark.timeout(900))])
async def test_kill_9_in_the_middle_of_a_tree(database: Database, shot: Workers, trees: int, kills: int) -> None:
    dice = random.Random(kills)
    await execute(database, RUNS)
    with registered():
        async with worker(database) as resources:
            garden = Garden(resources)
            roots = [await garden.plant(forty_steps(number)) for number in range(trees)]
            for _ in range(kills):
                await shoot(garden, shot, dice)
            start(shot)
            query = "SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')"
            while await value(database, query):  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.05)
            for root in roots:
                await require_as_planned(garden, root)
    assert await value(database, "SELECT count(*) = count(DISTINCT job_id) FROM grown")


async def test_cancelling_a_root_stops_what_its_steps_do_in_a_worker(database: Database, shot: Workers) -> None:
    await execute(database, RUNS)
    with registered():
        async with worker(database) as resources:
            garden = Garden(resources)
            root = await garden.plant(Plan(children=[Plan(name=f"s{each}", seconds=600) for each in range(8)]))
            start(shot)
            running = "SELECT count(*) FROM jobs WHERE parent_id IS NOT NULL AND run_token IS NOT NULL"
            while await value(database, running) < 3:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.02)
            assert (await garden.cancel(root)).status == "processing", "three of its steps still run"
            while (await garden.look(root)).status == "processing":  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.02)
            assert (await garden.look(root)).status == "cancelled"
            assert {step.status for step in (await garden.steps(root)).values()} == {"cancelled"}


async def require_as_planned(garden: Garden, root: Job) -> None:
    done, steps = await garden.look(root), await garden.steps(root)
    assert (done.status, done.partial) == ("completed", True)
    assert len(steps) == 5 + 35, "as many as planned, and none twice"
    ended = {name: step.status for name, step in steps.items()}
    assert {name for name, status in ended.items() if status == "failed"} == FAILING
    assert {name for name, status in ended.items() if status == "cancelled"} <= {f"p4-{each}" for each in range(1, 7)}
    assert done.usage["steps"] == 1 + sum(status != "cancelled" for status in ended.values())
    kinds = await rows(
        garden.database,
        "SELECT type FROM job_events WHERE job_id = :id AND type LIKE 'job.c%' ORDER BY seq",
        id=root.id,
    )
    assert [row["type"] for row in kinds] == ["job.created", "job.completed"]
