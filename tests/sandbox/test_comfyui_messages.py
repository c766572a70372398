"""The websocket: every message in the order that was recorded from a real server, and who receives it."""

import asyncio
import contextlib
import json
import struct
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from sandbox.comfyui.graphs import failing, inverted, sleeping, streamed, z_image
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
FAST = ComfySettings(seconds_per_picture=0.05)


@pytest.fixture
async def server() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(FAST) as running:
        yield running


@contextlib.asynccontextmanager
async def listening(server: ComfyServer, sid: str = "me", *, flags: bool = True) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://{server.host}/ws?clientId={sid}", max_size=None, proxy=None) as socket:
        if flags:
            await socket.send(FLAGS)
        yield socket


async def post(server: ComfyServer, graph: dict[str, Any], **more: Any) -> str:
    async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
        answer = await http.post("/prompt", json={"prompt": graph, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def read(frame: str | bytes) -> tuple[str, dict[str, Any]]:
    if isinstance(frame, str):
        message = json.loads(frame)
        return message["type"], message["data"]
    kind, number = struct.unpack_from(">II", frame)
    if kind == 1:
        return "binary 1", {"format": number, "image": frame[8:]}
    about = json.loads(frame[8 : 8 + number])
    return f"binary {kind}", {**about, "image": frame[8 + number :]}


async def until_idle(socket: ClientConnection) -> list[tuple[str, dict[str, Any]]]:
    """Everything up to the `executing` with node null, which ends each prompt."""
    messages = []
    while True:
        async with asyncio.timeout(5):
            kind, data = read(await socket.recv())
        messages.append((kind, data))
        if kind == "executing" and data["node"] is None:
            return messages


def names(messages: list[tuple[str, dict[str, Any]]], *, without: str = "") -> list[str]:
    named = []
    for kind, data in messages:
        if kind == "progress_state":
            last = list(data["nodes"].values())[-1]
            named.append(f"progress_state {last['node_id']} {last['state']}")
        elif kind in ("executing", "executed"):
            named.append(f"{kind} {data['node']}")
        elif kind == "status":
            named.append(f"status {data['status']['exec_info']['queue_remaining']}")
        else:
            named.append(kind)
    return [name for name in named if not (without and name.startswith(without))]


async def test_success_in_the_recorded_order(server: ComfyServer) -> None:
    async with listening(server) as socket:
        prompt_id = await post(server, inverted(), client_id="me")
        messages = await until_idle(socket)
    assert names(messages) == [
        "status 0",
        "feature_flags",
        "status 1",
        "status 1",
        "execution_start",
        "execution_cached",
        "progress_state 1 running",
        "executing 1",
        "progress_state 1 finished",
        "progress_state 2 running",
        "executing 2",
        "progress_state 2 finished",
        "progress_state 3 running",
        "executing 3",
        "executed 3",
        "progress_state 3 finished",
        "execution_success",
        "status 0",
        "executing None",
    ]
    assert messages[0][1]["sid"] == "me"
    assert "sid" not in messages[2][1]
    told = dict(messages)
    assert told["executed"] == {
        "node": "3",
        "display_node": "3",
        "output": {"images": [{"filename": "hello_00001_.png", "subfolder": "", "type": "output"}]},
        "prompt_id": prompt_id,
    }
    assert set(told["execution_success"]) == {"prompt_id", "timestamp"}
    assert told["progress_state"]["nodes"]["1"] == {
        "value": 1.0,
        "max": 1.0,
        "state": "finished",
        "node_id": "1",
        "prompt_id": prompt_id,
        "display_node_id": "1",
        "parent_node_id": None,
        "real_node_id": "1",
    }


async def test_cached_rerun_shows_the_old_file(server: ComfyServer) -> None:
    async with listening(server, flags=False) as socket:
        await post(server, inverted(), client_id="me")
        await until_idle(socket)
        await post(server, inverted(), client_id="me")
        messages = await until_idle(socket)
    assert names(messages) == [
        "status 1",
        "status 1",
        "execution_start",
        "execution_cached",
        "executed 3",
        "progress_state 3 finished",
        "execution_success",
        "status 0",
        "executing None",
    ]
    assert messages[3][1]["nodes"] == ["1", "2", "3"]
    assert messages[4][1]["output"]["images"][0]["filename"] == "hello_00001_.png"


async def test_progress_with_previews_that_name_their_prompt(server: ComfyServer) -> None:
    async with listening(server) as socket:
        prompt_id = await post(server, sleeping(0.06, preview=True), client_id="me")
        messages = await until_idle(socket)
    assert names(messages, without="progress_state")[6:] == [
        "executing 1",
        "executing 2",
        *["binary 4", "progress"] * 3,
        "executing 3",
        "executed 3",
        "execution_success",
        "status 0",
        "executing None",
    ]
    preview = dict(messages)["binary 4"]
    assert preview["image"].startswith(b"\xff\xd8\xff")
    assert (preview["prompt_id"], preview["node_id"], preview["image_type"]) == (prompt_id, "2", "image/jpeg")
    steps = [data for kind, data in messages if kind == "progress"]
    assert steps[0] == {"value": 1, "max": 3, "prompt_id": prompt_id, "node": "2"}


async def test_previews_without_negotiation_are_of_type_1_and_come_after_the_progress(server: ComfyServer) -> None:
    async with listening(server, flags=False) as socket:
        await post(server, sleeping(0.03, preview=True), client_id="me")
        messages = await until_idle(socket)
    seen = [name for name in names(messages) if name in ("progress", "binary 1", "binary 4")]
    assert seen == ["progress", "binary 1"] * 3
    assert dict(messages)["binary 1"]["format"] == 1


async def test_feature_flags_count_only_as_first_message(server: ComfyServer) -> None:
    async with listening(server, flags=False) as socket:
        await socket.send("hello")
        await socket.send(FLAGS)
        await post(server, sleeping(0.03, preview=True), client_id="me")
        messages = await until_idle(socket)
    assert "feature_flags" not in names(messages)
    assert "binary 1" in names(messages)


async def test_previews_of_the_sampler_only_when_asked_for(server: ComfyServer) -> None:
    async with listening(server) as socket:
        await post(server, z_image("a", seed=1), client_id="me")
        without = await until_idle(socket)
        await post(server, z_image("a", seed=2), client_id="me", extra_data={"preview_method": "latent2rgb"})
        asked = await until_idle(socket)
    assert "binary 4" not in names(without)
    assert names(asked).count("binary 4") == 4


async def test_execution_error(server: ComfyServer) -> None:
    async with listening(server) as socket:
        prompt_id = await post(server, failing("value_error"), client_id="me")
        messages = await until_idle(socket)
    assert names(messages, without="progress_state")[2:] == [
        "status 1",
        "status 1",
        "execution_start",
        "execution_cached",
        "executing 1",
        "executing 2",
        "execution_error",
        "status 0",
        "executing None",
    ]
    error = dict(messages)["execution_error"]
    assert error["exception_message"] == "boom from SandboxFail\n"
    assert (error["node_id"], error["node_type"], error["exception_type"]) == ("2", "SandboxFail", "ValueError")
    assert error["executed"] == ["1"]
    assert {"traceback", "current_inputs", "current_outputs", "timestamp"} <= set(error)
    async with httpx.AsyncClient(base_url=server.url, verify=False) as http:
        job = (await http.get(f"/api/jobs/{prompt_id}")).json()
    assert job["status"] == "failed"
    assert job["execution_error"]["node_id"] == "2"


async def test_interrupt_acts_at_the_next_step(server: ComfyServer) -> None:
    async with listening(server) as socket, httpx.AsyncClient(base_url=server.url, verify=False) as http:
        prompt_id = await post(server, sleeping(0.3, steps=6), client_id="me")
        messages: list[tuple[str, dict[str, Any]]] = []
        while not messages or messages[-1][0] != "progress":
            messages.append(read(await socket.recv()))
        assert (await http.post("/interrupt", json={"prompt_id": str(uuid.uuid4())})).status_code == 200
        assert (await http.post("/interrupt", json={"prompt_id": prompt_id})).content == b""
        messages += await until_idle(socket)
        history = (await http.get(f"/history/{prompt_id}")).json()[prompt_id]
        job = (await http.get(f"/api/jobs/{prompt_id}")).json()
    assert names(messages, without="progress_state")[-4:] == [
        "progress",
        "execution_interrupted",
        "status 0",
        "executing None",
    ]
    stopped = dict(messages)["execution_interrupted"]
    assert {key: stopped[key] for key in ("prompt_id", "node_id", "node_type", "executed")} == {
        "prompt_id": prompt_id,
        "node_id": "2",
        "node_type": "SandboxSleep",
        "executed": ["1"],
    }
    assert history["status"]["status_str"] == "error"
    assert history["status"]["completed"] is False
    assert history["outputs"] == {}
    assert job["status"] == "cancelled"


async def test_who_receives_what(server: ComfyServer) -> None:
    """A prompt's events go to its client id alone; without one nobody hears of its end, and everybody of its steps."""
    async with listening(server) as mine, listening(server, "other") as other:
        await post(server, sleeping(0.03, seed=1), client_id="me")
        await until_idle(mine)
        await post(server, sleeping(0.03, seed=2))
        await post(server, sleeping(0.03, seed=3), client_id="other")
        others = await until_idle(other)
    kinds = [kind for kind, _ in others]
    first_end = next(i for i, (kind, data) in enumerate(others) if names([(kind, data)]) == ["status 0"] and i > 2)
    assert set(kinds[2:first_end]) == {"status"}, "of the first prompt, which is mine"
    assert kinds.count("execution_success") == kinds.count("execution_start") == 1, "only of its own"
    assert kinds.count("progress") == 6, "of the one that belongs to nobody, and of its own"


async def test_reconnecting_with_the_id_of_the_running_prompt(server: ComfyServer) -> None:
    async with listening(server) as socket:
        await post(server, sleeping(0.4, steps=2), client_id="me")
        await asyncio.sleep(0.05)
        await socket.close()
    async with listening(server) as again:
        first, second = read(await again.recv()), read(await again.recv())
        assert first[0] == "status"
        assert second == ("executing", {"node": "2"}), "without prompt_id"
        assert "execution_success" in names(await until_idle(again))


async def test_a_picture_over_the_websocket_is_one_frame_above_4_mb(server: ComfyServer) -> None:
    async with listening(server) as socket:
        await post(server, streamed(z_image("big", side=2048, steps=1)), client_id="me")
        messages = await until_idle(socket)
    picture = dict(messages)["binary 4"]
    assert picture["image_type"] == "image/png"
    assert len(picture["image"]) > 4 * 2**20
    assert "executed" not in [kind for kind, _ in messages]


async def test_a_server_picks_an_id_for_whoever_brings_none(server: ComfyServer) -> None:
    async with connect(f"ws://{server.host}/api/ws", proxy=None) as socket:
        kind, data = read(await socket.recv())
    assert kind == "status"
    assert len(data["sid"]) == 32
