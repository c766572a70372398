"""Whoever ran out of memory draws alone, whatever comes and goes meanwhile: never two, nobody for ever, gates open."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs import lifecycle
from jobs.db.session import Database
from jobs.lanes.gates import Gates
from jobs.lanes.lane import Lane
from jobs.settings import DatabaseSettings
from sandbox.comfyui.faults import Fault
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import NOWHERE, job, submit, unwatched_lane
from tests.jobs.lanes.test_health import has_lane, healthy, lane, resources, until

QUEUE = "gpu-0"
NOBODY = "127.0.0.1:9"


@contextlib.asynccontextmanager
async def quiet_lane() -> AsyncIterator[Lane]:
    """A lane whose ComfyUI and database are never asked: only its order is tried."""
    database = Database(DatabaseSettings(database_url=NOWHERE))
    try:
        async with unwatched_lane(QUEUE, NOBODY, database, Gates()) as opened:
            yield opened
    finally:
        await database.aclose()


class Company:
    """Who draws at the moment; raises as soon as somebody who should be alone is not."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.among: set[int] = set()
        self.alone: set[int] = set()
        self.drew: set[int] = set()

    async def draw(self, number: int, *, alone: bool, ticks: int) -> None:
        entered = self.lane._alone() if alone else self.lane._among_others()
        async with entered:
            here = self.alone if alone else self.among
            here.add(number)
            try:
                for _ in range(ticks):
                    self.check()
                    await asyncio.sleep(0)
                self.check()
                self.drew.add(number)
            finally:
                here.discard(number)

    def check(self) -> None:
        assert len(self.alone) <= 1, "two are alone"
        assert not (self.alone and self.among), "one who is alone has a neighbour"
        if self.alone:
            assert not self.lane.gates.is_open(QUEUE), "a worker may bring a neighbour"


Comer = tuple[bool, int, int, list[int]]
COMERS: st.SearchStrategy[list[Comer]] = st.lists(
    # alone?, comes after so many ticks, draws for so many, and is cancelled at these ticks from its coming on
    st.tuples(st.booleans(), st.integers(0, 12), st.integers(0, 6), st.lists(st.integers(0, 14), max_size=2)),
    min_size=2,
    max_size=8,
)


async def come(company: Company, comers: list[Comer]) -> list[asyncio.Task[None]]:
    """Ticks of the event loop, not of a clock: the same list is the same story."""
    tasks: dict[int, asyncio.Task[None]] = {}
    last = max(after + max([0, *cancels]) for _, after, _, cancels in comers)
    for tick in range(last + 1):
        for number, (alone, after, ticks, cancels) in enumerate(comers):
            if tick == after:
                tasks[number] = asyncio.create_task(company.draw(number, alone=alone, ticks=ticks))
            if number in tasks and tick - after in cancels:
                tasks[number].cancel()
        await asyncio.sleep(0)
    return [tasks[number] for number in sorted(tasks)]


async def story(comers: list[Comer]) -> None:
    async with quiet_lane() as opened:
        company = Company(opened)
        tasks = await come(company, comers)
        _, stuck = await asyncio.wait(tasks, timeout=5)
        for task in stuck:
            task.cancel()
        assert not stuck, "somebody waits for ever"
        for number, (task, (_, _, _, cancels)) in enumerate(zip(tasks, comers, strict=True)):
            if cancels and task.cancelled():
                continue
            await task
            assert number in company.drew
        assert opened.gates.is_open(QUEUE), "the lane stays shut"
        assert opened.drawing == 0
        # and the next ones are let in
        await asyncio.wait_for(company.draw(98, alone=False, ticks=1), 5)
        await asyncio.wait_for(company.draw(99, alone=True, ticks=1), 5)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(comers=COMERS)
def test_never_two_alone_nobody_waits_for_ever_and_the_gate_is_open_at_the_end(comers: list[Comer]) -> None:
    asyncio.run(story(comers))


async def test_one_of_two_that_want_to_be_alone_leaves_the_gate_shut_for_the_other() -> None:
    await story([(True, 0, 3, []), (True, 1, 3, []), (False, 2, 1, [])])


async def test_whoever_gives_up_waiting_to_be_alone_leaves_the_gate_shut_for_the_others() -> None:
    await story([(False, 0, 9, []), (True, 1, 3, [2]), (True, 1, 3, []), (True, 1, 3, [])])


async def test_crowds_by_chance() -> None:
    """Longer stories than hypothesis likes: each seed is one."""
    for seed in range(20):
        chance = random.Random(seed)
        comers = [
            (
                chance.random() < 0.3,
                chance.randrange(60),
                chance.randrange(8),
                [chance.randrange(20) for _ in range(chance.choice([0, 0, 1, 2]))],
            )
            for _ in range(40)
        ]
        await story(comers)


@pytest.mark.parametrize("by_owner", [False, True], ids=["stopped", "cancelled by its owner"])
async def test_a_picture_that_is_drawn_alone_when_its_worker_stops_is_not_drawn_beside_itself(
    database: Database, tmp_path: Path, by_owner: bool
) -> None:
    """It has another name then: the next worker finds it or it is gone, or both draw at once and run out again."""
    async with (
        ComfyServer(ComfySettings(seconds_per_picture=0.3), port=0) as server,
        lane(database, "gpu-0", server, Gates()) as zero,
    ):
        server.faults.order(Fault("oom"))
        worker = resources(database, [server], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        made = await submit(worker, "generate_image", {"prompt": "a fox"})
        running = asyncio.create_task(lifecycle.run_job(worker, made.id))
        await server.log.until(lambda runs: len(runs) == 1)
        server.change(seconds_per_picture=1.5)
        await server.log.until(lambda runs: len(runs) == 2)
        if by_owner:
            async with database.transaction() as connection:
                await worker.intake.cancel(connection, made.id, made.owner)
            running.cancel()
            await running
            await server.log.until(lambda runs: runs[1].outcome == "interrupted")
            assert (await job(database, made.id)).status == "cancelled"
            return
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await lifecycle.run_job(worker, made.id)
        assert (await job(database, made.id)).status == "completed"
    drawn = [run for run in server.log.runs if run.outcome == "success"]
    assert len(drawn) == 1, "drawn twice"


async def test_a_lane_whose_comfyui_is_down_from_the_start_takes_no_tickets(database: Database) -> None:
    """No connection was lost, as there never was one: a worker would fetch, fail and put back, again and again."""
    gates = Gates()
    async with ComfyServer(ComfySettings(seconds_per_picture=0.05), port=0) as server:
        await server.kill()
        async with lane(database, "gpu-0", server, gates):
            await until(lambda: is_down(database))
            assert not gates.is_open("gpu-0")
            await server.start()
            await until(lambda: has_lane(database))
            assert gates.is_open("gpu-0")


async def is_down(database: Database) -> bool:
    return await healthy(database) == {"gpu-0": False}


async def test_a_picture_waiting_behind_one_that_is_alone_can_be_cancelled(database: Database, tmp_path: Path) -> None:
    async with (
        ComfyServer(ComfySettings(seconds_per_picture=0.2), port=0) as server,
        lane(database, "gpu-0", server, Gates()) as zero,
    ):
        server.faults.order(Fault("oom"))
        worker = resources(database, [server], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        large = await submit(worker, "generate_image", {"prompt": "a large one"})
        drawing = asyncio.create_task(lifecycle.run_job(worker, large.id))
        await server.log.until(lambda runs: len(runs) == 1)
        server.change(seconds_per_picture=1.0)
        await server.log.until(lambda runs: len(runs) == 2)
        small = await submit(worker, "generate_image", {"prompt": "a small one"})
        behind = asyncio.create_task(lifecycle.run_job(worker, small.id))
        await asyncio.sleep(0.1)
        behind.cancel()
        with pytest.raises(asyncio.CancelledError):
            await behind
        await drawing
        assert (await job(database, large.id)).status == "completed"
        assert zero.gates.is_open("gpu-0")
        assert len(server.log.runs) == 2
