"""The traps of a real ComfyUI, each as it was measured: whoever builds against the stand-in meets them here first."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from sandbox.comfyui.faults import Fault
from sandbox.comfyui.graphs import FP8, failing, inverted, sleeping, streamed, z_image
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.sandbox.test_comfyui_messages import listening, names, post, read, until_idle

FAST = ComfySettings(seconds_per_picture=0.05, model_load_seconds=0.1)
BF16 = "z_image_turbo_bf16.safetensors"


@pytest.fixture
async def server() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(FAST) as running:
        yield running


@pytest.fixture
async def http(server: ComfyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, verify=False) as client:
        yield client


async def status_of(http: httpx.AsyncClient, prompt_id: str) -> str:
    answer = await http.get(f"/api/jobs/{prompt_id}")
    return str(answer.json().get("status", answer.status_code))


async def silent(socket: ClientConnection, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await socket.recv()
    except TimeoutError:
        return True
    return False


async def test_a_socket_that_comes_back_at_once_under_its_old_id_is_dead(server: ComfyServer) -> None:
    first = await connect(f"ws://{server.host}/ws?clientId=me", proxy=None)
    await first.recv()
    first.transport.abort()
    async with listening(server) as again, listening(server, "new") as fresh:
        assert [read(await again.recv())[0] for _ in range(2)] == ["status", "feature_flags"]
        await asyncio.sleep(FAST.abrupt_close_lag + 0.1)
        await post(server, inverted(), client_id="me")
        await post(server, inverted(prefix="mine"), client_id="new")
        assert "execution_success" in names(await until_idle(fresh))
        assert await silent(again, 0.2)
        await asyncio.wait_for(await again.ping(), 2)
    await first.wait_closed()


async def test_after_a_wait_the_old_id_works(server: ComfyServer) -> None:
    first = await connect(f"ws://{server.host}/ws?clientId=me", proxy=None)
    await first.recv()
    first.transport.abort()
    await asyncio.sleep(FAST.abrupt_close_lag + 0.2)
    async with listening(server) as again:
        await post(server, inverted(), client_id="me")
        assert "execution_success" in names(await until_idle(again))
    await first.wait_closed()


async def test_history_comes_after_success() -> None:
    async with (
        ComfyServer(replace(FAST, history_delay=0.2)) as server,
        httpx.AsyncClient(base_url=server.url, verify=False) as http,
        listening(server) as socket,
    ):
        prompt_id = await post(server, inverted(), client_id="me")
        while read(await socket.recv())[0] != "execution_success":
            pass
        assert (await http.get(f"/history/{prompt_id}")).json() == {}
        assert await status_of(http, prompt_id) == "in_progress"
        assert names(await until_idle(socket)) == ["status 0", "executing None"]
        assert prompt_id in (await http.get(f"/history/{prompt_id}")).json()


async def test_a_cached_rerun_names_a_file_that_may_be_gone(server: ComfyServer, http: httpx.AsyncClient) -> None:
    async with listening(server) as socket:
        await post(server, inverted(), client_id="me")
        await until_idle(socket)
        (server.machine.output_dir / "hello_00001_.png").unlink()
        await post(server, inverted(), client_id="me")
        shown = dict(await until_idle(socket))["executed"]["output"]["images"][0]
        assert (await http.get("/view", params=shown)).status_code == 404
        await post(server, inverted(prefix="other"), client_id="me")
        messages = dict(await until_idle(socket))
    assert messages["execution_cached"]["nodes"] == ["1", "2"], "only the saving is done anew"
    shown = messages["executed"]["output"]["images"][0]
    assert (await http.get("/view", params=shown)).status_code == 200


async def test_one_slow_reader_blocks_everybody(server: ComfyServer) -> None:
    slow = await connect(f"ws://{server.host}/ws?clientId=slow", max_size=None, max_queue=1, proxy=None)
    async with listening(server) as socket:
        for _ in range(6):  # 5 MB each, to every socket, because they belong to nobody
            await post(server, streamed(z_image("big", side=2048, steps=1)))
        await post(server, inverted(), client_id="me")
        await server.log.until(lambda runs: (runs[-1].client_id, runs[-1].outcome) == ("me", "success"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await until_idle(socket)
        reading = asyncio.create_task(drain(slow))
        while "execution_success" not in names([read(await asyncio.wait_for(socket.recv(), 5))]):
            pass
        reading.cancel()
    slow.transport.abort()
    await slow.wait_closed()


async def drain(socket: ClientConnection) -> None:
    while True:
        await socket.recv()


async def test_a_node_that_ignores_cancel(server: ComfyServer, http: httpx.AsyncClient) -> None:
    prompt_id = await post(server, sleeping(0.5, ignore_cancel=True))
    await asyncio.sleep(0.05)
    assert (await http.post(f"/api/jobs/{prompt_id}/cancel")).json() == {"cancelled": True}
    await asyncio.sleep(0.2)
    assert await status_of(http, prompt_id) == "in_progress"


async def test_a_restart_forgets_everything_but_the_files(server: ComfyServer, http: httpx.AsyncClient) -> None:
    async with listening(server) as socket:
        done = await post(server, inverted(), client_id="me")
        await until_idle(socket)
        running, waiting = await post(server, sleeping(5), client_id="me"), await post(server, inverted())
        await asyncio.sleep(0.05)
        await server.restart()
        with pytest.raises(ConnectionClosedError):
            await drain(socket)
        assert socket.close_code == 1006
    assert [await status_of(http, each) for each in (done, running, waiting)] == ["404"] * 3
    assert (await http.get(f"/history/{done}")).json() == {}
    assert (await http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 0}}
    assert (await http.get("/view", params={"filename": "hello_00001_.png"})).status_code == 200
    assert server.log.of(running)[0].outcome == "lost"


async def test_a_killed_server_refuses(server: ComfyServer, http: httpx.AsyncClient) -> None:
    await server.kill()
    with pytest.raises(httpx.ConnectError):
        await http.get("/prompt")
    await server.start()
    assert (await http.get("/prompt")).status_code == 200


async def test_a_hung_server_accepts_and_says_nothing(server: ComfyServer, http: httpx.AsyncClient) -> None:
    async with listening(server) as socket:
        prompt_id = await post(server, sleeping(0.1), client_id="me")
        server.hang()
        with pytest.raises(httpx.ReadTimeout):
            await http.get("/prompt", timeout=0.2)
        pong = await socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.2)
        assert server.log.of(prompt_id)[0].outcome == "running", "nothing goes on meanwhile"
        server.resume()
        assert "execution_success" in names(await until_idle(socket))
        await asyncio.wait_for(pong, 2)


async def test_out_of_memory_unloads_the_model(server: ComfyServer) -> None:
    server.faults.order(Fault("oom", prompt_contains="heavy"))
    async with listening(server) as socket:
        for text in ("one", "two", "heavy", "three"):
            await post(server, z_image(text), client_id="me")
            messages = await until_idle(socket)
            if text == "heavy":
                error = dict(messages)["execution_error"]
    assert error["exception_type"] == "torch.OutOfMemoryError"
    assert "This error means you ran out of memory on your GPU." in error["exception_message"]
    assert [run.loading_seconds for run in server.log.runs] == [0.1, 0, 0, 0.1]


async def test_a_cuda_error_poisons_the_process_until_a_restart(server: ComfyServer) -> None:
    async with listening(server) as socket:
        await post(server, failing("cuda"), client_id="me")
        assert dict(await until_idle(socket))["execution_error"]["exception_message"].startswith("CUDA error")
        await post(server, z_image("x"), client_id="me")
        assert dict(await until_idle(socket))["execution_error"]["exception_type"] == "torch.AcceleratorError"
    await server.restart()
    async with listening(server) as socket:
        await post(server, z_image("x"), client_id="me")
        assert "execution_success" in names(await until_idle(socket))


@pytest.mark.parametrize(("lru", "loads"), [(0, [0.1, 0.1, 0.1]), (50, [0.1, 0.1, 0])])
async def test_a_switch_of_the_model_reloads_it_unless_the_cache_is_told_to_keep(lru: int, loads: list[float]) -> None:
    async with ComfyServer(replace(FAST, cache_lru=lru)) as server, listening(server) as socket:
        for text, unet in (("a", FP8), ("b", BF16), ("c", FP8)):
            await post(server, z_image(text, unet=unet), client_id="me")
            await until_idle(socket)
        assert [run.loading_seconds for run in server.log.runs] == loads
        for run in server.log.runs:
            assert run.ended_at is not None
            assert run.ended_at - run.started_at >= run.loading_seconds + 0.05


async def test_freeing_memory_costs_the_next_prompt(server: ComfyServer, http: httpx.AsyncClient) -> None:
    async with listening(server) as socket:
        for body in ({"unload_models": True}, {"unload_models": True, "free_memory": True}, None):
            await post(server, z_image("same"), client_id="me")
            await until_idle(socket)
            if body:
                assert (await http.post("/free", json=body)).content == b""
    assert [len(run.cached_nodes) for run in server.log.runs] == [0, 10, 0]
    assert [run.cached for run in server.log.runs] == [False, True, False]
    assert (await http.post("/free")).status_code == 500


async def test_an_interrupt_without_id_hits_whoever_runs(server: ComfyServer, http: httpx.AsyncClient) -> None:
    await http.post("/interrupt")  # idle: does not leak into the next prompt
    async with listening(server) as socket:
        await post(server, inverted(), client_id="me")
        assert "execution_success" in names(await until_idle(socket))
        await post(server, sleeping(5, steps=100), client_id="me")
        await asyncio.sleep(0.05)
        await http.post("/interrupt", json={})
        assert "execution_interrupted" in names(await until_idle(socket))


async def test_ordered_restarts_and_drops_hit_the_prompt_that_runs(server: ComfyServer) -> None:
    server.faults.order(Fault("drop_sockets", prompt_contains="first"))
    server.faults.order(Fault("restart", prompt_contains="second"))
    async with listening(server) as socket:
        await post(server, z_image("first"), client_id="me")
        with pytest.raises(ConnectionClosedError):
            await drain(socket)
    await post(server, z_image("second"))
    await server.log.until(lambda runs: runs[-1].outcome == "lost")
    assert [run.outcome for run in server.log.runs] == ["success", "lost"]
