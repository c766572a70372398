"""/v1/queues: what waits where, and pause, resume and purge as an operator does them over HTTP."""

from typing import Any

import pytest

from tests.api.opened_api import ANNA, Api
from tests.factories import all_jobs, execute, rows

REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}


async def submitted(api: Api, count: int = 1, **more: Any) -> None:
    from jobs.kinds.contract import NewJob

    async with api.database.transaction() as connection:
        for _ in range(count):
            await api.app.state.intake.submit(connection, NewJob("generate_reply", REPLY, ANNA, **more))


async def queue(api: Api, name: str) -> dict[str, Any]:
    listed = (await api.admin.get("/v1/queues")).json()["queues"]
    found: dict[str, Any] = next(each for each in listed if each["name"] == name)
    return found


async def test_every_queue_with_depth_and_age(api: Api) -> None:
    await submitted(api, 2)
    answer = await api.admin.get("/v1/queues")
    assert answer.status_code == 200
    names = [each["name"] for each in answer.json()["queues"]]
    assert {"llm", "image", "telegram", "webhooks", "gpu-0"} <= set(names)
    llm = await queue(api, "llm")
    assert (llm["waiting"], llm["running"], llm["paused"], llm["workers"], llm["known"]) == (2, 0, None, 0, True)
    [depth] = llm["kinds"]
    assert (depth["kind"], depth["status"], depth["jobs"]) == ("generate_reply", "pending", 2)
    assert 0 <= depth["oldest"] < 60


async def test_pause_and_resume(api: Api) -> None:
    paused = await api.admin.post("/v1/queues/gpu-0/pause", params={"mode": "drain"})
    assert (paused.status_code, paused.json()["paused"]) == (200, "drain")
    assert paused.json()["paused_at"] is not None
    held = await api.admin.post("/v1/queues/gpu-0/pause")
    assert held.json()["paused"] == "hold"
    assert await rows(api.database, "SELECT name, mode FROM paused_queues") == [{"name": "gpu-0", "mode": "hold"}]
    resumed = await api.admin.post("/v1/queues/gpu-0/resume")
    assert (resumed.status_code, resumed.json()["paused"]) == (200, None)
    assert (await api.admin.post("/v1/queues/gpu-0/resume")).status_code == 200, "again is no mistake"
    assert await rows(api.database, "SELECT * FROM paused_queues") == []


async def test_what_cannot_be_paused_so(api: Api) -> None:
    nowhere = await api.admin.post("/v1/queues/gpu-9/pause")
    assert nowhere.status_code == 404
    assert "gpu-0" in nowhere.json()["detail"], "it names those that exist"
    unknown = await api.admin.post("/v1/queues/llm/pause", params={"mode": "stop"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_request")
    drained = await api.admin.post("/v1/queues/llm/pause", params={"mode": "drain"})
    assert (drained.status_code, drained.json()["code"]) == (422, "invalid_mode")
    assert await rows(api.database, "SELECT * FROM paused_queues") == []


async def test_a_queue_that_only_its_pause_had_named_can_be_resumed(api: Api) -> None:
    await execute(api.database, "INSERT INTO paused_queues (name, mode) VALUES ('gpu-7', 'hold')")
    assert (await queue(api, "gpu-7"))["known"] is False
    resumed = await api.admin.post("/v1/queues/gpu-7/resume")
    assert (resumed.status_code, resumed.json()["name"], resumed.json()["paused"]) == (200, "gpu-7", None)
    assert (await api.admin.post("/v1/queues/gpu-7/resume")).status_code == 404


async def test_purge_says_first_what_it_would_do(api: Api) -> None:
    await submitted(api, 3)
    counted = await api.admin.post("/v1/queues/llm/purge", params={"dry_run": "true"})
    assert counted.json() == {"queue": "llm", "kind": None, "jobs": 3, "dry_run": True}
    other = await api.admin.post("/v1/queues/llm/purge", params={"kind": "generate_image"})
    assert other.json()["jobs"] == 0
    assert {job.status for job in await all_jobs(api.database)} == {"pending"}
    done = await api.admin.post("/v1/queues/llm/purge", params={"kind": "generate_reply"})
    assert done.json() == {"queue": "llm", "kind": "generate_reply", "jobs": 3, "dry_run": False}
    assert {job.status for job in await all_jobs(api.database)} == {"cancelled"}
    assert await rows(api.database, "SELECT id FROM procrastinate_jobs WHERE status = 'todo'") == []


PATHS = [
    ("GET", "/v1/queues"),
    ("POST", "/v1/queues/llm/pause"),
    ("POST", "/v1/queues/llm/resume"),
    ("POST", "/v1/queues/llm/purge"),
    ("GET", "/v1/lanes"),
    ("GET", "/v1/workers"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_only_operators_may(api: Api, method: str, path: str) -> None:
    await submitted(api)
    refused = await api.anna.request(method, path)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert (await api.nobody.request(method, path)).status_code == 401
    assert [job.status for job in await all_jobs(api.database)] == ["pending"]
    assert await rows(api.database, "SELECT * FROM paused_queues") == []


@pytest.mark.parametrize("name", ["%00", "llm%00", "a%20b", "%F0%9F%98%80", "x" * 101])
async def test_a_name_that_no_queue_can_have(api: Api, name: str) -> None:
    """PostgreSQL does not take every letter that an address can hold."""
    for action in ("pause", "resume", "purge"):
        assert (await api.admin.post(f"/v1/queues/{name}/{action}")).status_code == 404
    assert (await api.admin.post("/v1/queues/llm/purge?kind=%00")).status_code == 422
