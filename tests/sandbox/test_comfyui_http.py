"""The HTTP side of the ComfyUI stand-in: refusals word by word, the queue, jobs, files, descriptions."""

import io
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from PIL import Image

from sandbox.comfyui.graphs import inverted, node, sleeping, z_image
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.sandbox.test_comfyui_messages import listening, post, until_idle

FAST = ComfySettings(seconds_per_picture=0.05)


@pytest.fixture
async def server() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(FAST) as running:
        yield running


@pytest.fixture
async def http(server: ComfyServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, verify=False) as client:
        yield client


async def refused(http: httpx.AsyncClient, graph: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await http.post("/prompt", json={"prompt": graph, **more})
    assert answer.status_code == 400, answer.text
    return dict(answer.json())


def changed(graph: dict[str, Any], node_id: str, **inputs: Any) -> dict[str, Any]:
    spec = graph[node_id]
    return {**graph, node_id: {**spec, "inputs": {**spec["inputs"], **inputs}}}


async def test_unknown_class(http: httpx.AsyncClient) -> None:
    graph = inverted()
    graph["2"] = {**graph["2"], "class_type": "NoSuchNode"}
    assert await refused(http, graph) == {
        "error": {
            "type": "missing_node_type",
            "message": "Node 'ImageInvert' not found. The custom node may not be installed.",
            "details": "Node ID '#2'",
            "extra_info": {"node_id": "2", "class_type": "NoSuchNode", "node_title": "ImageInvert"},
        },
        "node_errors": {},
    }


async def test_value_too_big(http: httpx.AsyncClient) -> None:
    body = await refused(http, changed(inverted(), "1", width=99999))
    assert body["error"] == {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "",
        "extra_info": {},
    }
    assert body["node_errors"]["1"] == {
        "errors": [
            {
                "type": "value_bigger_than_max",
                "message": "Value 99999 bigger than max of 16384",
                "details": "width",
                "extra_info": {
                    "input_name": "width",
                    "input_config": ["INT", {"default": 512, "min": 1, "max": 16384, "step": 1}],
                    "received_value": 99999,
                },
            }
        ],
        "dependent_outputs": ["3"],
        "class_type": "EmptyImage",
    }


@pytest.mark.parametrize(
    ("graph", "where", "kind", "details"),
    [
        (changed(inverted(), "1", width=0), "1", "value_smaller_than_min", "width"),
        (changed(inverted(), "1", width="wide"), "1", "invalid_input_type", "width, wide"),
        (
            changed(z_image("x"), "28", unet_name="missing.safetensors"),
            "28",
            "value_not_in_list",
            "unet_name: 'missing",
        ),
        (changed(inverted(), "2", image=["99", 0]), "2", "exception_during_inner_validation", "'99'"),
        (changed(inverted(), "3", images=["99", 0]), "3", "exception_during_validation", "'99'"),
        (changed(inverted(), "2", image=["2", 0]), "2", "dependency_cycle", "2 -> 2"),
        (changed(z_image("x"), "8", samples=["28", 0]), "8", "return_type_mismatch", "samples, received_type(MODEL)"),
        ({**inverted(), "2": node("ImageInvert")}, "2", "required_input_missing", "image"),
        (changed(inverted(), "2", image=["1"]), "2", "bad_linked_input", "image"),
    ],
)
async def test_what_may_be_wrong_with_a_node(
    http: httpx.AsyncClient, graph: dict[str, Any], where: str, kind: str, details: str
) -> None:
    errors = (await refused(http, graph))["node_errors"]
    assert list(errors) == [where]
    assert errors[where]["errors"][0]["type"] == kind
    assert errors[where]["errors"][0]["details"].startswith(details)


async def test_prompts_that_are_none(http: httpx.AsyncClient) -> None:
    nothing = {"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": "", "extra_info": {}}
    for graph in ({}, {"1": inverted()["1"]}):
        assert (await refused(http, graph)) == {"error": nothing, "node_errors": {}}
    answer = await http.post("/prompt", json={"client_id": "x"})
    assert answer.json()["error"]["type"] == "no_prompt"
    for bad in ("x", str(uuid.uuid4()).upper()):
        assert (await refused(http, inverted(), prompt_id=bad))["error"]["type"] == "invalid_prompt_id"


@pytest.mark.parametrize("body", ["not json", json.dumps({"prompt": {"nodes": [], "links": []}})])
async def test_what_the_server_chokes_on(http: httpx.AsyncClient, body: str) -> None:
    answer = await http.post("/prompt", content=body)
    assert answer.status_code == 500
    assert answer.text == "500 Internal Server Error\n\nServer got itself in trouble"


async def test_a_bad_branch_is_dropped_silently(http: httpx.AsyncClient, server: ComfyServer) -> None:
    graph = inverted() | {"8": node("ImageInvert", image=["77", 0]), "9": node("SaveImage", images=["8", 0])}
    async with listening(server) as socket:
        answer = await http.post("/prompt", json={"prompt": graph, "client_id": "me"})
        assert answer.status_code == 200
        assert answer.json()["node_errors"]["8"]["dependent_outputs"] == ["9"]
        kinds = [kind for kind, _ in await until_idle(socket)]
    assert kinds.count("executed") == 1
    assert "execution_success" in kinds


async def test_numbers_as_texts_and_unknown_inputs_are_taken(http: httpx.AsyncClient) -> None:
    assert (
        await http.post("/prompt", json={"prompt": changed(inverted(), "1", width="128", more=1)})
    ).status_code == 200


async def test_order_of_the_queue(http: httpx.AsyncClient, server: ComfyServer) -> None:
    async with listening(server, "last") as socket:
        blocker = await post(server, sleeping(30, steps=600, seed=0))
        wanted = [await post(server, sleeping(0, seed=n), **kw) for n, kw in enumerate(ORDERS, 1)]
        waiting = (await http.get("/queue")).json()
        await post(server, sleeping(0, seed=99), client_id="last")
        await http.post(f"/api/jobs/{blocker}/cancel")
        await until_idle(socket)
    ran = [run.prompt_id for run in server.log.runs][1:-1]
    assert ran == [wanted[3], wanted[2], wanted[1], wanted[0]]
    assert [item[1] for item in waiting["queue_pending"]] == ran
    assert [len(item) for item in waiting["queue_running"]] == [5]


ORDERS: list[dict[str, Any]] = [{}, {"number": 0.5}, {"number": -1}, {"front": True}]


async def test_the_same_id_runs_twice(http: httpx.AsyncClient, server: ComfyServer) -> None:
    prompt_id = str(uuid.uuid4())
    async with listening(server) as socket:
        for seed in (1, 2):
            await post(server, z_image("twice", seed=seed), client_id="me", prompt_id=prompt_id)
        await until_idle(socket)
        await until_idle(socket)
    assert [run.outcome for run in server.log.of(prompt_id)] == ["success", "success"]
    assert len((await http.get("/history")).json()) == 1


async def test_cancel_of_a_waiting_prompt_is_silent(http: httpx.AsyncClient, server: ComfyServer) -> None:
    async with listening(server) as socket:
        running = await post(server, sleeping(30, steps=600), client_id="me")
        for old_way in (True, False):
            waiting = await post(server, inverted(), client_id="me")
            assert (await http.get(f"/api/jobs/{waiting}")).json()["status"] == "pending"
            if old_way:
                assert (await http.post("/queue", json={"delete": [waiting, "unknown"]})).content == b""
            else:
                assert (await http.post(f"/api/jobs/{waiting}/cancel")).json() == {"cancelled": True}
                assert (await http.post(f"/api/jobs/{waiting}/cancel")).json() == {"cancelled": False}
            gone = await http.get(f"/api/jobs/{waiting}")
            assert (gone.status_code, gone.json()) == (404, {"error": "Job not found"})
            assert (await http.get(f"/history/{waiting}")).json() == {}
        assert (await http.get(f"/api/jobs/{running}")).json()["status"] == "in_progress"
        await http.post(f"/api/jobs/{running}/cancel")
        messages = await until_idle(socket)
    assert {data["prompt_id"] for _, data in messages if "prompt_id" in data} == {running}


async def test_batch_cancel(http: httpx.AsyncClient, server: ComfyServer) -> None:
    await post(server, sleeping(30, steps=600))
    waiting = await post(server, inverted())
    bad = await http.post("/api/jobs/cancel", json={"job_ids": ["x"]})
    assert bad.status_code == 400
    assert bad.json() == {"error": "job_ids contains invalid id(s)", "invalid_ids": ["x"]}
    assert (await http.post("/api/jobs/cancel", json={"job_ids": [waiting]})).json() == {"cancelled": True}
    assert (await http.post("/queue", json={"clear": True})).status_code == 200
    assert (await http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 1}}


async def test_a_finished_job_in_every_view(http: httpx.AsyncClient, server: ComfyServer) -> None:
    async with listening(server) as socket:
        prompt_id = await post(server, inverted(), client_id="me")
        await until_idle(socket)
    entry = (await http.get(f"/history/{prompt_id}")).json()[prompt_id]
    assert entry["prompt"][:3] == [0, prompt_id, inverted()]
    assert entry["prompt"][3]["client_id"] == "me"
    assert entry["prompt"][4] == ["3"]
    assert [name for name, _ in entry["status"]["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_success",
    ]
    job = (await http.get(f"/api/jobs/{prompt_id}")).json()
    assert (job["status"], job["outputs_count"], job["outputs"]) == ("completed", 1, entry["outputs"])
    assert job["preview_output"]["mediaType"] == "images"
    assert job["execution_end_time"] >= job["execution_start_time"] >= job["create_time"]
    listed = (await http.get("/api/jobs", params={"status": "completed", "limit": 1})).json()
    assert listed["pagination"] == {"offset": 0, "limit": 1, "total": 1, "has_more": False}
    assert "workflow" not in listed["jobs"][0]
    wrong = await http.get("/api/jobs", params={"status": "bogus"})
    assert wrong.status_code == 400
    assert wrong.json()["error"].startswith("Invalid status value(s): bogus. Valid values: pending, in_progress")
    assert (await http.post("/history", json={"delete": [prompt_id]})).content == b""
    assert (await http.get(f"/api/jobs/{prompt_id}")).status_code == 404


async def test_the_picture_shows_its_prompt(http: httpx.AsyncClient, server: ComfyServer) -> None:
    graph = z_image("a red fox", side=192, prefix="jobs/1/img")
    async with listening(server) as socket:
        await post(server, graph, client_id="me")
        await until_idle(socket)
        await post(server, changed(graph, "3", seed=2), client_id="me")
        await until_idle(socket)
    query = {"filename": "img_00001_.png", "subfolder": "jobs/1", "type": "output"}
    answer = await http.get("/api/view", params=query)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert picture.size == (192, 192)
        assert json.loads(picture.info["prompt"]) == graph
    assert answer.headers["etag"]
    part = await http.get("/view", params=query, headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, b"\x89PNG\r\n\x1a\n")
    assert (await http.head("/view", params=query)).status_code == 200
    other = await http.get("/view", params={**query, "filename": "img_00002_.png"})
    assert other.content != answer.content
    assert (await http.get("/view", params={**query, "filename": "no.png"})).status_code == 404
    assert (await http.get("/view", params={**query, "filename": "../x.png"})).status_code == 400
    assert (await http.get("/view", params={**query, "subfolder": "../.."})).status_code == 403


async def test_uploads(http: httpx.AsyncClient) -> None:
    async def upload(content: bytes) -> str:
        answer = await http.post("/upload/image", files={"image": ("ref.png", content)}, data={"type": "input"})
        return str(answer.json()["name"])

    assert [await upload(b"one"), await upload(b"one"), await upload(b"two")] == ["ref.png", "ref.png", "ref (1).png"]
    assert (await http.get("/view", params={"filename": "ref (1).png", "type": "input"})).content == b"two"


async def test_what_the_server_says_about_itself(http: httpx.AsyncClient) -> None:
    sampler = (await http.get("/object_info/KSampler")).json()["KSampler"]
    assert sampler["input"]["required"]["seed"][1]["max"] == 2**64 - 1
    assert sampler["output"] == ["LATENT"]
    assert (await http.get("/object_info/Nothing")).json() == {}
    known = (await http.get("/object_info")).json()
    assert {spec["class_type"] for spec in z_image("x").values()} <= set(known)
    assert "ae.safetensors" in (await http.get("/models/vae")).json()
    assert (await http.get("/models/none")).status_code == 404
    assert (await http.get("/features")).json()["supports_preview_metadata"] is True
    stats = (await http.get("/system_stats")).json()
    assert stats["system"]["comfyui_version"] == "0.33.0"
    assert stats["devices"][0]["vram_total"] > stats["devices"][0]["vram_free"] * 0.5


async def test_a_foreign_web_page_is_turned_away(http: httpx.AsyncClient) -> None:
    answer = await http.get("/queue", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.content) == (403, b"")


async def test_orders_over_http(http: httpx.AsyncClient, server: ComfyServer) -> None:
    settings = (await http.patch("/sandbox/settings", json={"seconds_per_picture": 0.01})).json()
    assert settings["seconds_per_picture"] == 0.01
    assert (await http.post("/sandbox/faults", json={"kind": "error", "prompt_contains": "bad"})).status_code == 204
    async with listening(server) as socket:
        for text in ("good", "bad", "good again"):
            await post(server, z_image(text), client_id="me")
            await until_idle(socket)
    runs = (await http.get("/sandbox/runs")).json()["runs"]
    assert [(run["text"], run["outcome"]) for run in runs] == [
        ("good", "success"),
        ("bad", "error"),
        ("good again", "success"),
    ]


async def test_an_older_server_has_no_jobs_route() -> None:
    async with (
        ComfyServer(replace(FAST, jobs_api=False)) as server,
        httpx.AsyncClient(base_url=server.url, verify=False) as http,
    ):
        answer = await http.get(f"/api/jobs/{uuid.uuid4()}")
        assert answer.status_code == 404
        assert "json" not in answer.headers["content-type"]
