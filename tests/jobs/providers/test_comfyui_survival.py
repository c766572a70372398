"""The ComfyUI client on a bad day: lost sockets, restarts, hangs, nodes that are stuck. Nothing is rendered twice."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect

from jobs.errors import PostgenError, TemporaryError
from jobs.providers.comfyui.client import ComfyUI
from jobs.providers.comfyui.failures import ServerFailure
from sandbox.comfyui.faults import Fault
from sandbox.comfyui.graphs import inverted, sleeping, streamed, z_image
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings

FAST = ComfySettings(seconds_per_picture=0.08)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def server() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(FAST) as running:
        yield running


@pytest.fixture
async def comfyui(server: ComfyServer) -> AsyncIterator[ComfyUI]:
    async with ComfyUI(server.host, offline_timeout=3) as client:
        yield client


def new_id() -> str:
    return str(uuid.uuid4())


async def failure_of(task: "asyncio.Task[object]") -> PostgenError:
    with pytest.raises(PostgenError) as raised:
        await task
    return raised.value


async def test_a_lost_socket_is_replaced_under_a_new_id_and_the_prompt_adopted(
    server: ComfyServer, comfyui: ComfyUI
) -> None:
    await comfyui.connection.ready()
    old_id = comfyui.connection.client_id
    task = asyncio.create_task(comfyui.generate(prompt_id := new_id(), sleeping(0.9, steps=9)))
    await server.log.until(lambda runs: len(runs) == 1)
    server.drop_sockets()
    generated = await task
    assert generated.data.startswith(PNG)
    assert comfyui.connection.client_id != old_id
    assert [run.outcome for run in server.log.of(prompt_id)] == ["success"]


async def test_a_prompt_that_ends_while_the_socket_is_away_is_collected(server: ComfyServer, comfyui: ComfyUI) -> None:
    server.faults.order(Fault("drop_sockets", at_step=4))
    generated = await comfyui.generate(prompt_id := new_id(), z_image("x", steps=4))
    assert generated.data.startswith(PNG)
    assert generated.gpu_seconds >= 0.07
    assert len(server.log.of(prompt_id)) == 1


async def test_both_prompts_survive_a_lost_socket(server: ComfyServer, comfyui: ComfyUI) -> None:
    ids = [new_id(), new_id()]
    tasks = [asyncio.create_task(comfyui.generate(each, sleeping(0.6, seed=n))) for n, each in enumerate(ids)]
    await server.log.until(lambda runs: len(runs) == 1)
    await asyncio.sleep(0.1)
    server.drop_sockets()
    assert all(generated.data.startswith(PNG) for generated in await asyncio.gather(*tasks))
    assert [run.outcome for run in server.log.runs] == ["success", "success"]


async def test_success_not_yet_in_history_is_waited_for() -> None:
    """The socket is lost just when the prompt is done: the first look still says in_progress."""
    settings = ComfySettings(seconds_per_picture=0.05, history_delay=1.0)
    async with ComfyServer(settings) as server, ComfyUI(server.host) as comfyui:
        server.faults.order(Fault("drop_sockets", at_step=4))
        generated = await comfyui.generate(new_id(), z_image("x", steps=4))
        assert generated.data.startswith(PNG)
        assert len(server.log.runs) == 1


async def test_a_restart_loses_the_running_and_the_waiting_prompt(server: ComfyServer, comfyui: ComfyUI) -> None:
    graphs = [sleeping(30, steps=600), z_image("waits")]
    tasks = [asyncio.create_task(comfyui.generate(new_id(), graph)) for graph in graphs]
    await server.log.until(lambda runs: len(runs) == 1)
    await asyncio.sleep(0.1)
    await server.restart(downtime=0.1)
    for task in tasks:
        error = await failure_of(task)
        assert (error.code, error.retryable) == ("comfyui_lost_prompt", True)
    assert (await comfyui.generate(new_id(), z_image("again"))).data.startswith(PNG)


async def test_a_server_that_does_not_come_back(server: ComfyServer) -> None:
    async with ComfyUI(server.host, offline_timeout=0.5) as comfyui:
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(30, steps=600)))
        await server.log.until(lambda runs: len(runs) == 1)
        await server.kill()
        error = await failure_of(task)
        assert (error.code, error.retryable) == ("comfyui_lost_prompt", True)
        assert not comfyui.connected


async def test_a_server_that_is_down_fails_at_once_and_serves_when_it_is_up() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    changes: list[bool] = []
    async with ComfyUI(f"127.0.0.1:{port}", on_connection=changes.append) as comfyui:
        for call in (comfyui.generate(new_id(), inverted()), comfyui.health(), comfyui.system_stats()):
            with pytest.raises(TemporaryError) as raised:
                await call
            assert raised.value.code == "comfyui_unreachable"
        async with ComfyServer(FAST, port=port):
            assert (await comfyui.generate(new_id(), inverted())).data.startswith(PNG)
            assert changes == [True]
    assert changes == [True, False]


async def test_a_hung_server_is_noticed_by_the_heartbeat(server: ComfyServer) -> None:
    async with ComfyUI(server.host, offline_timeout=0.5, heartbeat=0.2) as comfyui:
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(30, steps=600)))
        await server.log.until(lambda runs: len(runs) == 1)
        server.hang()
        assert (await failure_of(task)).code == "comfyui_lost_prompt"
        server.resume()


async def test_a_server_that_hung_for_a_while_goes_on(server: ComfyServer) -> None:
    async with ComfyUI(server.host, heartbeat=0.2) as comfyui:
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(0.9, steps=9)))
        await server.log.until(lambda runs: len(runs) == 1)
        server.hang(seconds=0.6)
        assert (await task).data.startswith(PNG)
    assert [run.outcome for run in server.log.runs] == ["success"]


async def test_a_sampler_without_headway_is_cancelled(server: ComfyServer) -> None:
    async with ComfyUI(server.host, step_timeout=0.3) as comfyui:
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(1.2, steps=2)))
        error = await failure_of(task)
        assert (error.code, error.retryable) == ("comfyui_stuck", True)
        assert isinstance(error, ServerFailure)
        assert not error.needs_restart
        await server.log.until(lambda runs: runs[-1].outcome == "interrupted")


async def test_a_node_that_ignores_the_cancel_calls_for_a_restart(server: ComfyServer) -> None:
    async with ComfyUI(server.host, model_load_timeout=0.2, cancel_grace=0.2) as comfyui:
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(30, ignore_cancel=True)))
        error = await failure_of(task)
        assert error.code == "comfyui_stuck"
        assert isinstance(error, ServerFailure)
        assert error.needs_restart


async def test_a_generation_that_takes_too_long(server: ComfyServer) -> None:
    async with ComfyUI(server.host, generation_timeout=0.3) as comfyui:
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(30, steps=600)))
        assert (await failure_of(task)).code == "comfyui_stuck"


async def test_time_in_the_servers_queue_does_not_count(server: ComfyServer) -> None:
    async with ComfyUI(server.host, generation_timeout=1.5, model_load_timeout=1.5) as comfyui:
        tasks = [
            asyncio.create_task(comfyui.generate(new_id(), sleeping(0.7, steps=8, seed=seed))) for seed in range(4)
        ]
        assert all(generated.data.startswith(PNG) for generated in await asyncio.gather(*tasks))


async def test_loading_a_model_has_a_time_of_its_own() -> None:
    settings = ComfySettings(seconds_per_picture=0.05, model_load_seconds=1.0)
    async with (
        ComfyServer(settings) as server,
        ComfyUI(server.host, generation_timeout=0.8, model_load_timeout=5) as comfyui,
    ):
        assert (await comfyui.generate(new_id(), z_image("x"))).data.startswith(PNG)


async def test_a_reader_that_blocks_everybody_is_got_round_by_one_look(server: ComfyServer) -> None:
    slow = await connect(f"ws://{server.host}/ws?clientId=slow", max_size=None, max_queue=1, proxy=None)
    async with (
        ComfyUI(server.host, model_load_timeout=0.5, generation_timeout=0.5) as comfyui,
        httpx.AsyncClient(base_url=server.url, verify=False) as http,
    ):
        await comfyui.connection.ready()
        for _ in range(6):  # 5 MB each, to every socket, because they belong to nobody
            await http.post("/prompt", json={"prompt": streamed(z_image("big", side=2048, steps=1))})
        assert (await comfyui.generate(prompt_id := new_id(), inverted())).data.startswith(PNG)
        assert len(server.log.of(prompt_id)) == 1
    slow.transport.abort()
    await slow.wait_closed()


async def test_pictures_that_only_went_over_a_lost_socket_are_lost(server: ComfyServer, comfyui: ComfyUI) -> None:
    server.faults.order(Fault("drop_sockets", at_step=4))
    task = asyncio.create_task(comfyui.generate(new_id(), streamed(z_image("x", steps=4))))
    assert (await failure_of(task)).code == "comfyui_lost_prompt"


async def test_closing_leaves_nothing_behind(server: ComfyServer) -> None:
    before = asyncio.all_tasks()
    async with ComfyUI(server.host) as comfyui:
        await comfyui.generate(new_id(), inverted())
    await asyncio.sleep(0.05)
    left = [task for task in asyncio.all_tasks() - before if "comfyui" in task.get_name()]
    assert left == []
