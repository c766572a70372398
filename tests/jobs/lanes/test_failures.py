"""What a lane does about its failures: out of memory, a poisoned GPU, a node beyond help, somebody else's interrupt."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from jobs import lifecycle
from jobs.db.session import Database
from jobs.errors import PostgenError
from jobs.lanes.gates import Gates
from jobs.lanes.lane import warm_up
from jobs.providers.comfyui.client import ComfyUI
from jobs.resources import Resources
from jobs.workflow import Workflow
from sandbox.comfyui.faults import Fault
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import chat_texts, job, rows, submit, to_chat, value, warm
from tests.jobs.lanes.test_health import gone, has_lane, healthy_both, lane, resources, until

QUICK = ComfySettings(seconds_per_picture=0.1)


@pytest.fixture
async def first() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(QUICK, port=0) as running:
        yield running


@pytest.fixture
async def second() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(QUICK, port=0) as running:
        yield running


def restart_by_order(server: ComfyServer) -> str:
    """What an operator would write: here the server is told to restart by a request of its own."""
    order = f"http://{server.host}/sandbox/restart?downtime=1.5"
    call = f"import urllib.request as u; u.urlopen(u.Request('{order}', method='POST'))"
    return f'{sys.executable} -c "{call}"'


async def draw(worker: Resources, prompt: str) -> "asyncio.Task[None]":
    made = await submit(worker, "generate_image", {"prompt": prompt})
    return asyncio.create_task(lifecycle.run_job(worker, made.id), name=str(made.id))


async def test_out_of_memory_is_tried_once_more_without_neighbours(
    database: Database, first: ComfyServer, tmp_path: Path
) -> None:
    first.change(seconds_per_picture=4)
    first.faults.order(Fault("oom", at_step=8, prompt_contains="large"))
    gates = Gates()
    async with lane(database, "gpu-0", first, gates) as zero:
        worker = resources(database, [first], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        large = await draw(worker, "a large one")
        await first.log.until(lambda runs: len(runs) == 1)
        small = await draw(worker, "a small one")
        await until(lambda: has_two(zero.client))
        first.change(seconds_per_picture=0.2)
        await first.log.until(lambda runs: len(runs) == 2)
        assert not gates.is_open("gpu-0"), "the worker must not bring a neighbour"
        await asyncio.gather(large, small)
        assert gates.is_open("gpu-0")
    failed, neighbour, alone = first.log.runs
    assert [failed.outcome, neighbour.outcome, alone.outcome] == ["error", "success", "success"]
    assert alone.started_at >= (neighbour.ended_at or 0)
    assert "large" in alone.text
    assert {row["status"] for row in await rows(database, "SELECT status FROM jobs")} == {"completed"}
    assert await value(database, "SELECT sum(failures) FROM jobs") == 0


async def has_two(client: ComfyUI) -> bool:
    return await client.health() == 2


async def test_out_of_memory_twice_is_tried_on_another_lane(
    database: Database, first: ComfyServer, second: ComfyServer, tmp_path: Path
) -> None:
    first.faults.order(Fault("oom", times=2))
    gates = Gates()
    async with (
        lane(database, "gpu-0", first, gates) as zero,
        lane(database, "gpu-1", second, gates) as one,
    ):
        worker = resources(database, [first, second], tmp_path, gpu_0=zero, gpu_1=one)
        await until(lambda: healthy_both(database))
        await (await draw(worker, "a large one"))
    [waiting] = await rows(database, "SELECT queue, failures, error FROM jobs")
    assert (waiting["queue"], waiting["failures"]) == ("gpu-1", 1)


async def test_a_poisoned_gpu_is_left_by_both_pictures_restarted_and_tried_before_it_gets_work_again(
    database: Database, first: ComfyServer, second: ComfyServer, tmp_path: Path
) -> None:
    first.change(seconds_per_picture=0.4)
    first.faults.order(Fault("cuda"))
    gates = Gates()
    async with (
        lane(database, "gpu-0", first, gates, restart_command=restart_by_order(first)) as zero,
        lane(database, "gpu-1", second, gates) as one,
    ):
        worker = resources(database, [first, second], tmp_path, gpu_0=zero, gpu_1=one)
        graph = worker.personas.default.graph
        zero.health.warm_up = lambda: warm_up(zero.client, graph)
        await until(lambda: healthy_both(database))
        await warm(database, "gpu-0", "gpu-1")
        made = [await submit(worker, "generate_image", {"prompt": f"picture {n}"}) for n in range(4)]
        mine = [each for each in made if each.queue == "gpu-0"]
        assert len(mine) == 2
        await asyncio.gather(*(lifecycle.run_job(worker, each.id) for each in mine))
        for each in mine:
            now = await job(database, each.id)
            assert (now.status, now.failures, now.queue) == ("processing", 0, "gpu-1")
        assert set((await job(database, mine[0].id)).setbacks) <= {"gpu_poisoned", "comfyui_unreachable"}
        await until(lambda: healthy_both(database))
        assert gates.is_open("gpu-0")
        assert [run.outcome for run in first.log.runs][-1] == "success", "the warm-up"
        assert await value(database, "SELECT restarted_at IS NOT NULL FROM lanes WHERE queue = 'gpu-0'")
        for each in made:
            await lifecycle.run_job(worker, each.id)
            assert (await job(database, each.id)).status == "completed"
    drawn = [run.text for run in (*first.log.runs, *second.log.runs) if run.outcome == "success"]
    assert sum("picture" in text for text in drawn) == 4, "nothing is rendered to its end twice"


async def test_without_a_restart_command_a_poisoned_lane_waits_for_its_operator(
    database: Database, first: ComfyServer, tmp_path: Path
) -> None:
    first.faults.order(Fault("cuda"))
    gates = Gates()
    async with lane(database, "gpu-0", first, gates) as zero:
        worker = resources(database, [first], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        await (await draw(worker, "a fox"))
        await until(lambda: gone(database, "gpu-0"))
        assert "must be restarted" in await value(database, "SELECT failure FROM lanes")
        first.drop_sockets()  # a connection that comes and goes is no restart
        await asyncio.sleep(0.2)
        await first.restart()
        await until(lambda: has_lane(database))
        assert gates.is_open("gpu-0")


async def test_a_lane_whose_gpu_is_still_poisoned_after_a_reconnection_stays_down(
    database: Database, first: ComfyServer, tmp_path: Path
) -> None:
    first.faults.order(Fault("cuda"))
    gates = Gates()
    async with lane(database, "gpu-0", first, gates) as zero:
        worker = resources(database, [first], tmp_path, gpu_0=zero)
        graph = worker.personas.default.graph
        tried = asyncio.Event()

        async def try_it() -> PostgenError | None:
            failure = await warm_up(zero.client, graph)
            tried.set()
            return failure

        zero.health.warm_up = try_it
        await until(lambda: has_lane(database))
        await (await draw(worker, "a fox"))
        first.drop_sockets()
        await asyncio.wait_for(tried.wait(), 10)
        assert not gates.is_open("gpu-0")
        tried.clear()
        await first.restart()
        await asyncio.wait_for(tried.wait(), 10)
        await until(lambda: has_lane(database))
        assert gates.is_open("gpu-0")


def never_ending(graph: Workflow) -> Workflow:
    """The picture passes through a node that hears no cancel before it is saved."""
    save = next(node for node, spec in graph.items() if spec["class_type"] == "SaveImage")
    sleep = {"image": graph[save]["inputs"]["images"], "seconds": 60.0, "steps": 1, "seed": 0, "ignore_cancel": True}
    changed = {**graph[save], "inputs": {**graph[save]["inputs"], "images": ["sleep", 0]}}
    return {**graph, save: changed, "sleep": {"class_type": "SandboxSleep", "inputs": sleep}}


async def test_a_node_that_ignores_cancel_calls_for_a_restart(
    database: Database, first: ComfyServer, tmp_path: Path
) -> None:
    gates = Gates()
    async with lane(database, "gpu-0", first, gates, restart_command=restart_by_order(first)) as zero:
        zero.client.limits = type(zero.client.limits)(generation=3, model_load=1.5, step=2, offline=0.5, cancel=0.3)
        worker = resources(database, [first], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        with pytest.raises(Exception, match="must be restarted"):
            await zero.draw(str(uuid4()), never_ending(worker.personas.default.graph))
        await until(lambda: restarted(database))
        await until(lambda: has_lane(database))
        assert gates.is_open("gpu-0")


async def restarted(database: Database) -> bool:
    return bool(await value(database, "SELECT restarted_at IS NOT NULL FROM lanes"))


async def test_a_server_that_hangs_is_restarted_after_a_while(database: Database, first: ComfyServer) -> None:
    gates = Gates()
    async with lane(
        database,
        "gpu-0",
        first,
        gates,
        restart_command='test "$LANE" = gpu-0 && test -n "$COMFYUI_HOST"',
        restart_after=0.1,
    ):
        await until(lambda: has_lane(database))
        await first.kill()
        await until(lambda: restarted(database))
        await first.start()
        await until(lambda: has_lane(database))


async def test_somebody_elses_interrupt_is_forgiven_once(
    database: Database, first: ComfyServer, tmp_path: Path
) -> None:
    first.faults.order(Fault("interrupt", times=2))
    async with lane(database, "gpu-0", first, Gates()) as zero:
        worker = resources(database, [first], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        made = await submit(worker, "generate_image", {"prompt": "a fox"})
        await lifecycle.run_job(worker, made.id)
        once = await job(database, made.id)
        assert (once.status, once.failures, once.setbacks) == ("processing", 0, {"comfyui_interrupted": 1})
        await lifecycle.run_job(worker, made.id)
        twice = await job(database, made.id)
        assert twice.status == "failed"
        assert twice.error is not None
        assert twice.error["code"] == "comfyui_interrupted"


async def test_a_picture_that_takes_its_server_down_each_time_ends_some_time(
    database: Database, first: ComfyServer, tmp_path: Path
) -> None:
    first.faults.order(Fault("restart", times=1000))
    async with lane(database, "gpu-0", first, Gates()) as zero:
        worker = resources(database, [first], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        made = await submit(worker, "generate_image", {"prompt": "a fox"})
        for _ in range(60):
            await until(lambda: connected(zero.client))
            await lifecycle.run_job(worker, made.id)
            if (await job(database, made.id)).status == "failed":
                break
    done = await job(database, made.id)
    assert done.error is not None
    assert done.error["code"] == "comfyui_lost_prompt"
    assert done.setbacks["comfyui_lost_prompt"] == 3
    assert done.failures == 3, "the one that ended it is no longer written down"


async def connected(client: object) -> bool:
    return bool(getattr(client, "connected", False))


async def test_people_are_told_once_when_no_lane_is_left(
    database: Database, first: ComfyServer, second: ComfyServer, tmp_path: Path
) -> None:
    gates = Gates()
    async with (
        lane(database, "gpu-0", first, gates) as zero,
        lane(database, "gpu-1", second, gates) as one,
    ):
        worker = resources(database, [first, second], tmp_path, gpu_0=zero, gpu_1=one)
        await until(lambda: healthy_both(database))
        for locale in ("ru", "en"):
            user = 7 if locale == "ru" else 8
            for _ in range(2):
                await submit(
                    worker, "generate_image", {"prompt": "a fox"}, destination=to_chat(user, locale), priority=10
                )
        await first.kill()
        await until(lambda: gone(database, "gpu-0"))
        assert await chat_texts(database, 7) == [], "the other one draws"
        await second.kill()
        await until(lambda: gone(database, "gpu-1"))
        await submit(worker, "generate_image", {"prompt": "one more"}, destination=to_chat(7, "ru"))
        await submit(worker, "generate_image", {"prompt": "a newcomer's"}, destination=to_chat(9))
        [russian], [english], [newcomer] = [await chat_texts(database, user) for user in (7, 8, 9)]
        assert "графический сервер" in russian
        assert "graphics server" in english
        assert newcomer == english
        await second.start()
        await until(lambda: has_one(database, "gpu-1"))
        waiting = await rows(database, "SELECT id FROM jobs")
        assert len(waiting) == 6


async def has_one(database: Database, queue: str) -> bool:
    return bool(await value(database, f"SELECT healthy FROM lanes WHERE queue = '{queue}'"))
