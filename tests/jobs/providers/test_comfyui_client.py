"""The ComfyUI client on a good day: pictures, progress, the cache, cancel, refusals, older servers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from jobs.errors import InvalidInput, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.providers.comfyui.client import ComfyUI
from jobs.providers.comfyui.progress import Progress
from jobs.workflow import patch
from sandbox.comfyui.faults import Fault
from sandbox.comfyui.graphs import failing, inverted, node, sleeping, streamed, z_image
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
    async with ComfyUI(server.host) as client:
        yield client


def new_id() -> str:
    return str(uuid.uuid4())


async def failure_of(comfyui: ComfyUI, graph: dict[str, Any]) -> PostgenError:
    with pytest.raises(PostgenError) as raised:
        await comfyui.generate(new_id(), graph)
    return raised.value


async def test_a_picture(server: ComfyServer, comfyui: ComfyUI) -> None:
    prompt_id = new_id()
    generated = await comfyui.generate(prompt_id, z_image("a fox", prefix="jobs/1/img"))
    assert generated.data.startswith(PNG)
    assert [image.filename for image in generated.images] == ["img_00001_.png"]
    assert generated.gpu_seconds >= 0.07
    assert not generated.cached
    assert [run.outcome for run in server.log.of(prompt_id)] == ["success"]
    async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
        assert prompt_id in (await http.get("/history")).json(), "kept until its picture is safe"
        await comfyui.forget(prompt_id)
        assert (await http.get("/history")).json() == {}, "the server keeps no prompt of ours"


async def test_the_graph_is_not_in_the_picture(comfyui: ComfyUI) -> None:
    generated = await comfyui.generate(new_id(), z_image("a secret persona"))
    assert b"secret persona" not in generated.data
    assert b"tEXt" not in generated.data


async def test_progress_grows_to_one(comfyui: ComfyUI) -> None:
    seen: list[Progress] = []
    await comfyui.generate(new_id(), z_image("x", steps=4), on_progress=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0, 1)
    assert [(each.step, each.steps) for each in seen if each.node == "3" and each.step] == [
        (n, 4) for n in (1, 2, 3, 4)
    ]
    assert all(progress.preview is None for progress in seen)
    assert seen[-1].gpu_seconds > 0


async def test_previews_on_request(comfyui: ComfyUI) -> None:
    seen: list[Progress] = []
    await comfyui.generate(new_id(), z_image("x", steps=3), on_progress=seen.append, previews=True)
    previews = [progress for progress in seen if progress.preview]
    assert len(previews) == 3
    assert previews[0].preview is not None
    assert previews[0].preview.startswith(b"\xff\xd8\xff")
    assert previews[0].preview_type == "image/jpeg"


async def test_the_same_picture_for_another_job_is_a_file_of_its_own(server: ComfyServer, comfyui: ComfyUI) -> None:
    first = await comfyui.generate(new_id(), z_image("x", prefix="jobs/1/img"))
    for path in server.machine.output_dir.rglob("*.png"):
        path.unlink()
    second = await comfyui.generate(new_id(), z_image("x", prefix="jobs/2/img"))
    assert second.data == first.data
    assert (first.cached, second.cached) == (False, True)


async def test_without_a_prefix_of_its_own_a_file_may_be_gone(server: ComfyServer, comfyui: ComfyUI) -> None:
    await comfyui.generate(new_id(), inverted())
    (server.machine.output_dir / "hello_00001_.png").unlink()
    error = await failure_of(comfyui, inverted())
    assert (error.code, error.retryable) == ("comfyui_output_missing", True)


async def test_two_at_once_run_without_a_gap(server: ComfyServer, comfyui: ComfyUI) -> None:
    await asyncio.gather(*(comfyui.generate(new_id(), z_image(text)) for text in ("a", "b")))
    first, second = server.log.runs
    assert first.ended_at is not None
    assert second.started_at >= first.ended_at
    assert second.queued_at < first.ended_at, "the second waited inside the server"


async def test_the_same_id_at_once_is_rendered_once(server: ComfyServer, comfyui: ComfyUI) -> None:
    prompt_id = new_id()
    both = await asyncio.gather(*(comfyui.generate(prompt_id, z_image("a")) for _ in range(2)))
    assert both[0].data == both[1].data
    assert len(server.log.of(prompt_id)) == 1


async def test_an_id_that_was_rendered_but_never_fetched_is_collected(server: ComfyServer, comfyui: ComfyUI) -> None:
    prompt_id, graph = new_id(), z_image("a")
    async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
        await http.post("/prompt", json={"prompt": graph, "prompt_id": prompt_id, "client_id": "a dead worker"})
    await server.log.until(lambda runs: bool(runs) and runs[-1].outcome == "success")
    generated = await comfyui.generate(prompt_id, graph)
    assert generated.data.startswith(PNG)
    assert generated.gpu_seconds >= 0.07
    assert len(server.log.of(prompt_id)) == 1


async def test_an_id_that_failed_is_rendered_again(server: ComfyServer, comfyui: ComfyUI) -> None:
    server.faults.order(Fault("error"))
    prompt_id = new_id()
    with pytest.raises(PermanentError):
        await comfyui.generate(prompt_id, z_image("a"))
    # the end is announced before it is written down, and until then the id counts as running
    async with asyncio.timeout(10):
        while (await comfyui.api.job(prompt_id)).status != "failed":  # noqa: ASYNC110 - a server, not a task
            await asyncio.sleep(0.02)
    assert (await comfyui.generate(prompt_id, z_image("a"))).data.startswith(PNG)
    assert [run.outcome for run in server.log.of(prompt_id)] == ["error", "success"]


async def test_cancelling_the_task_stops_the_running_prompt(server: ComfyServer, comfyui: ComfyUI) -> None:
    ours, other = new_id(), new_id()
    begun = asyncio.Event()
    graph = sleeping(30, steps=600)
    running = asyncio.create_task(comfyui.generate(ours, graph, on_progress=lambda _: begun.set()))
    waiting = asyncio.create_task(comfyui.generate(other, z_image("other")))
    await begun.wait()
    await asyncio.sleep(0.1)
    assert comfyui.started(ours)
    assert not comfyui.started(other)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await waiting).data.startswith(PNG)
    assert [run.outcome for run in server.log.runs] == ["interrupted", "success"]


async def test_cancelling_the_task_of_a_waiting_prompt_leaves_the_running_one_alone(
    server: ComfyServer, comfyui: ComfyUI
) -> None:
    running = asyncio.create_task(comfyui.generate(new_id(), sleeping(0.4)))
    await server.log.until(lambda runs: len(runs) == 1)
    ours = new_id()
    waiting = asyncio.create_task(comfyui.generate(ours, z_image("ours")))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await running
    assert [run.outcome for run in server.log.runs] == ["success"]
    assert await comfyui.health() == 0


async def test_a_cancel_that_comes_while_the_prompt_is_on_its_way(server: ComfyServer, comfyui: ComfyUI) -> None:
    await comfyui.connection.ready()
    for moment in (0, 0.001, 0.002, 0.005):
        task = asyncio.create_task(comfyui.generate(new_id(), sleeping(30, steps=600)))
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.sleep(0.1)
    assert await comfyui.health() == 0


async def test_cancel_by_id(server: ComfyServer, comfyui: ComfyUI) -> None:
    ids = [new_id(), new_id()]
    graphs = [sleeping(30, steps=600), z_image("waits")]
    tasks = [asyncio.create_task(comfyui.generate(*each)) for each in zip(ids, graphs, strict=True)]
    await server.log.until(lambda runs: len(runs) == 1)
    await asyncio.sleep(0.1)
    for prompt_id, task in zip(reversed(ids), reversed(tasks), strict=True):
        assert await comfyui.cancel(prompt_id)
        with pytest.raises(PermanentError) as raised:
            await task
        assert raised.value.code == "cancelled"
    assert not await comfyui.cancel(ids[0])
    assert [run.outcome for run in server.log.runs] == ["interrupted"]


async def test_a_detached_prompt_is_left_running_and_adopted_by_the_next_worker(server: ComfyServer) -> None:
    prompt_id, graph = new_id(), sleeping(0.4)
    async with ComfyUI(server.host) as first:
        task = asyncio.create_task(first.generate(prompt_id, graph))
        await server.log.until(lambda runs: len(runs) == 1)
        first.detach(prompt_id)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with ComfyUI(server.host) as second:
        generated = await second.generate(prompt_id, graph)
    assert generated.data.startswith(PNG)
    assert [run.outcome for run in server.log.of(prompt_id)] == ["success"]


async def test_a_waiting_prompt_that_was_adopted_is_followed_to_its_end(server: ComfyServer, comfyui: ComfyUI) -> None:
    ours, graph = new_id(), z_image("waits")
    async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
        await http.post("/prompt", json={"prompt": sleeping(0.3)})
        await http.post("/prompt", json={"prompt": graph, "prompt_id": ours, "client_id": "a dead worker"})
    assert (await comfyui.generate(ours, graph)).data.startswith(PNG)
    assert len(server.log.of(ours)) == 1


async def test_a_refusal_names_node_and_field(server: ComfyServer, comfyui: ComfyUI) -> None:
    error = await failure_of(comfyui, patch(z_image("x"), {"width": ["13", "width"]}, {"width": 99999}))
    assert isinstance(error, InvalidInput)
    assert error.code == "workflow_invalid"
    assert "node 13 (EmptySD3LatentImage), input width: Value 99999 bigger than max of 16384" in error.detail
    assert error.errors[0]["pointer"].endswith("/inputs/width")
    assert server.log.runs == []


async def test_a_missing_model_and_a_missing_node_are_the_operators(comfyui: ComfyUI) -> None:
    model = await failure_of(comfyui, z_image("x", unet="gone.safetensors"))
    assert (model.code, model.blame) == ("workflow_invalid", "platform")
    assert "node 28 (UNETLoader), input unet_name: Value not in list (unet_name: 'gone.safetensors'" in model.detail
    unknown = await failure_of(comfyui, z_image("x") | {"9": node("SavePicture", images=["8", 0])})
    assert "Node 'SavePicture' not found" in unknown.detail
    dangling = await failure_of(comfyui, z_image("x") | {"8": node("VAEDecode", samples=["77", 0], vae=["29", 0])})
    assert "node 8" in dangling.detail
    assert "Traceback" not in dangling.detail


async def test_half_a_graph_is_refused_and_not_rendered(server: ComfyServer, comfyui: ComfyUI) -> None:
    graph = sleeping(30, steps=600)
    graph |= {"8": node("ImageInvert", image=["77", 0]), "9": node("SaveImage", images=["8", 0], filename_prefix="x")}
    error = await failure_of(comfyui, graph)
    assert error.code == "workflow_invalid"
    assert "node 8 (ImageInvert)" in error.detail
    await server.log.until(lambda runs: all(run.outcome == "interrupted" for run in runs))


async def test_an_editor_export_is_refused_with_what_to_do(comfyui: ComfyUI) -> None:
    error = await failure_of(comfyui, {"nodes": [], "links": []})
    assert isinstance(error, Misconfigured)
    assert "Export (API)" in error.detail


async def test_a_workflow_that_saves_nothing(comfyui: ComfyUI) -> None:
    graph = inverted() | {"3": node("SaveImageWebsocket", images=["2", 0])}
    assert len((await comfyui.generate(new_id(), graph)).images) == 1
    error = await failure_of(comfyui, {"1": inverted()["1"]})
    assert error.code == "workflow_invalid"


async def test_a_picture_over_the_websocket_above_4_mb(comfyui: ComfyUI) -> None:
    generated = await comfyui.generate(new_id(), streamed(z_image("big", side=2048, steps=1)))
    assert len(generated.data) > 4 * 2**20
    assert generated.data.startswith(PNG)


@pytest.mark.parametrize(
    ("mode", "code", "kind", "needs_restart"),
    [
        ("value_error", "comfyui_node_failed", PermanentError, False),
        ("timeout", "comfyui_node_failed", TemporaryError, False),
        ("oom", "gpu_out_of_memory", TemporaryError, False),
        ("cuda", "gpu_poisoned", TemporaryError, True),
    ],
)
async def test_a_node_fails(
    comfyui: ComfyUI, mode: str, code: str, kind: type[PostgenError], needs_restart: bool
) -> None:
    error = await failure_of(comfyui, failing(mode))
    assert isinstance(error, kind)
    assert error.code == code
    assert getattr(error, "needs_restart", False) is needs_restart
    assert "node 2 (SandboxFail)" in error.detail
    for leak in ("Traceback", ".py", "line ", "\n", "PNG"):
        assert leak not in error.detail


async def test_somebody_else_interrupts(server: ComfyServer, comfyui: ComfyUI) -> None:
    server.faults.order(Fault("interrupt"))
    error = await failure_of(comfyui, z_image("x"))
    assert (error.code, error.retryable) == ("comfyui_interrupted", True)


async def test_somebody_else_clears_the_queue(server: ComfyServer, comfyui: ComfyUI) -> None:
    running = asyncio.create_task(comfyui.generate(new_id(), sleeping(0.5)))
    await server.log.until(lambda runs: len(runs) == 1)
    waiting = asyncio.create_task(comfyui.generate(new_id(), z_image("x")))
    await asyncio.sleep(0.1)
    async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
        await http.post("/queue", json={"clear": True})
    with pytest.raises(TemporaryError) as raised:
        await waiting
    assert raised.value.code == "comfyui_lost_prompt"
    await running


async def test_a_progress_callback_that_fails_stops_the_prompt(server: ComfyServer, comfyui: ComfyUI) -> None:
    def broken(_: Progress) -> None:
        raise RuntimeError("the caller's own mistake")

    with pytest.raises(RuntimeError):
        await comfyui.generate(new_id(), sleeping(30, steps=600), on_progress=broken)
    await server.log.until(lambda runs: runs[-1].outcome == "interrupted")


async def test_health_and_description(comfyui: ComfyUI) -> None:
    assert await comfyui.health() == 0
    stats = await comfyui.system_stats()
    assert stats.version == "0.33.0"
    assert stats.devices[0].vram_total == 16 * 2**30
    assert "KSampler" in await comfyui.object_info()
    await comfyui.free()


@pytest.mark.parametrize("settings", [replace(FAST, jobs_api=False), replace(FAST, cancel_api=False)])
async def test_older_servers(settings: ComfySettings) -> None:
    async with ComfyServer(settings) as server, ComfyUI(server.host) as comfyui:
        assert (await comfyui.generate(new_id(), z_image("x"))).data.startswith(PNG)
        tasks = [asyncio.create_task(comfyui.generate(new_id(), sleeping(30, steps=600, seed=n))) for n in (1, 2)]
        await server.log.until(lambda runs: len(runs) == 2)
        await asyncio.sleep(0.1)
        for task in reversed(tasks):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await server.log.until(lambda runs: runs[-1].outcome == "interrupted")
        assert len(server.log.runs) == 2
        adopted, graph = new_id(), sleeping(0.3)
        async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
            await http.post("/prompt", json={"prompt": graph, "prompt_id": adopted, "client_id": "a dead worker"})
        assert (await comfyui.generate(adopted, graph)).data.startswith(PNG)
        assert len(server.log.of(adopted)) == 1
