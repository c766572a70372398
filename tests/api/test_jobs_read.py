"""Reading jobs: one, a page, a tree; cancelling and trying again; and nobody sees what belongs to another."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.kinds.contract import NewJob
from tests.api.opened_api import ANNA, BORIS, Api
from tests.api.test_jobs_accept import PICTURE, REPLY, Json
from tests.factories import execute, job, rows, tickets


async def ask(api: Api, body: Json = REPLY, **more: Any) -> Json:
    answer = await api.anna.post("/v1/jobs", json={**body, **more})
    assert answer.status_code == 202, answer.text
    accepted: Json = answer.json()
    return accepted


async def start(api: Api, job_id: str) -> Job:
    """As a worker does."""
    async with api.database.transaction() as connection:
        claimed = await job_rows.claim(connection, UUID(job_id), uuid4())
    assert claimed is not None
    return claimed


async def end(api: Api, job_id: str, status: str, **outcome: Any) -> None:
    claimed = await start(api, job_id)
    async with api.database.transaction() as connection:
        assert await job_rows.finish(connection, claimed, status, ttl=3600, **outcome)


async def test_a_finished_job_can_be_read_as_long_as_it_says(api: Api) -> None:
    made = await ask(api, metadata={"a": 1})
    await end(api, made["id"], "completed", result={"reply": "Hello"}, usage={"tokens": 7})
    read = (await api.anna.get(made["urls"]["self"])).json()
    assert (read["status"], read["result"], read["usage"]) == ("completed", {"reply": "Hello"}, {"tokens": 7})
    assert (read["metadata"], read["position"], read["eta"]) == ({"a": 1}, None, None)
    assert datetime.fromisoformat(read["expires_at"]) > datetime.now(UTC) + timedelta(minutes=59)
    # expired, but not swept up yet: still no 404
    await execute(api.database, "UPDATE jobs SET expires_at = now() - interval '1 second'")
    assert (await api.anna.get(made["urls"]["self"])).status_code == 200


async def test_a_failed_job_tells_why_in_the_words_of_a_problem(api: Api) -> None:
    made = await ask(api)
    error = {"code": "llm_timeout", "detail": "The model did not answer.", "blame": "upstream", "retryable": True}
    await end(api, made["id"], "failed", error=error)
    assert (await api.anna.get(made["urls"]["self"])).json()["error"] == error


async def test_pages_have_each_job_once_however_many_come_meanwhile(api: Api) -> None:
    mine = [(await ask(api))["id"] for _ in range(7)]
    # made in the same instant: only their ids tell them apart
    await execute(api.database, "UPDATE jobs SET created_at = now() - interval '1 hour'")
    seen: list[str] = []
    cursor: Json = {}
    for _ in range(4):
        page = (await api.anna.get("/v1/jobs", params={"limit": 2, **cursor})).json()
        seen += [each["id"] for each in page["jobs"]]
        assert page["has_more"] == (page["next"] is not None)
        cursor = {"cursor": page["next"]}
        await ask(api)
    assert sorted(seen) == sorted(mine)
    assert page["has_more"] is False


async def test_a_page_filters_by_kind_and_status(api: Api) -> None:
    reply, picture, cancelled = await ask(api), await ask(api, PICTURE), await ask(api)
    await api.anna.post(cancelled["urls"]["cancel"])

    async def ids(query: str) -> set[str]:
        return {each["id"] for each in (await api.anna.get(f"/v1/jobs?{query}")).json()["jobs"]}

    assert await ids("kind=generate_image") == {picture["id"]}
    assert await ids("status=pending") == {reply["id"], picture["id"]}
    assert await ids("status=cancelled&kind=generate_reply") == {cancelled["id"]}
    assert await ids("kind=generate_image&kind=generate_reply") == {reply["id"], picture["id"], cancelled["id"]}
    assert await ids("kind=nothing_like_it") == set()


async def test_what_a_page_refuses(api: Api) -> None:
    for query, parameter in (
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("status=todo", "status"),
        ("kind=%00", "kind"), ("cursor=nonsense", "cursor"), ("cursor=W10", "cursor"), ("cursor=%C3%A9", "cursor"),
        ("cursor=bnVsbA", "cursor"),
    ):  # fmt: skip
        answer = await api.anna.get(f"/v1/jobs?{query}")
        assert answer.status_code == 422, (query, answer.text)
        assert [each["parameter"] for each in answer.json()["errors"]] == [parameter]


async def test_a_tree_shows_what_came_from_a_job(api: Api) -> None:
    root, *_ = [await ask(api) for _ in range(2)]

    async def child(of: str) -> str:
        new = NewJob("generate_reply", REPLY["input"], ANNA, parent_id=UUID(of), root_id=UUID(root["id"]))
        async with api.database.transaction() as connection:
            return str((await api.app.state.intake.submit(connection, new)).id)

    first = await child(root["id"])
    second, below = await child(root["id"]), await child(first)
    shown = (await api.anna.get(f"/v1/jobs/{root['id']}/tree")).json()
    assert shown["job"]["id"] == root["id"]
    assert [each["job"]["id"] for each in shown["children"]] == [first, second]
    assert [each["job"]["id"] for each in shown["children"][0]["children"]] == [below]
    branch = (await api.anna.get(f"/v1/jobs/{first}/tree")).json()
    assert [each["job"]["id"] for each in branch["children"]] == [below]


async def test_cancel_before_it_starts_while_it_runs_and_after_its_end(api: Api) -> None:
    waiting, running = await ask(api), await ask(api)
    for _ in range(2):
        answer = await api.anna.post(waiting["urls"]["cancel"])
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    await start(api, running["id"])
    for _ in range(2):
        answer = await api.anna.post(running["urls"]["cancel"])
        assert (answer.status_code, answer.json()["status"], answer.json()["cancelling"]) == (200, "processing", True)
    assert [each["type"] for each in await rows(api.database, "SELECT type FROM job_events ORDER BY position")] == [
        "job.created", "job.created", "job.cancelled", "job.started", "job.cancelling",
    ]  # fmt: skip


@pytest.mark.parametrize("body", [REPLY, PICTURE])
async def test_retry_starts_the_same_job_anew(api: Api, body: Json) -> None:
    made = await ask(api, body, metadata={"a": 1})
    await end(api, made["id"], "failed", error={"code": "x", "detail": "x", "blame": "upstream", "retryable": True})
    before = await job(api.database, UUID(made["id"]))
    await execute(api.database, "DELETE FROM procrastinate_jobs")
    answer = await api.anna.post(f"/v1/jobs/{made['id']}/retry")
    assert answer.status_code == 202
    assert answer.headers["Location"] == made["urls"]["self"]
    again = answer.json()
    assert (again["id"], again["status"], again["error"], again["finished_at"]) == (made["id"], "pending", None, None)
    assert (again["metadata"], again["position"], again["seq"]) == ({"a": 1}, 1, before.event_seq + 1)
    stored = await job(api.database, UUID(made["id"]))
    assert (stored.retries, stored.failures, stored.attempt, stored.expires_at) == (1, 0, 0, None)
    [ticket] = await tickets(api.database)
    assert (ticket["id"], ticket["args"]) == (stored.ticket_id, {"job_id": made["id"]})
    assert await start(api, made["id"])


async def test_retry_of_an_expired_job_forgets_the_deadline_that_passed(api: Api) -> None:
    made = await ask(api, deadline=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    await end(api, made["id"], "expired")
    await execute(api.database, "UPDATE jobs SET deadline = now() - interval '1 hour'")
    assert (await api.anna.post(f"/v1/jobs/{made['id']}/retry")).json()["deadline"] is None


async def test_what_cannot_be_retried(api: Api) -> None:
    waiting, running, done = await ask(api), await ask(api), await ask(api)
    await start(api, running["id"])
    await end(api, done["id"], "completed", result={"reply": "x"})
    before = await tickets(api.database)
    for each, status in ((waiting, "pending"), (running, "processing"), (done, "completed")):
        answer = await api.anna.post(f"/v1/jobs/{each['id']}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_retryable")
        assert f"is {status}" in answer.json()["detail"]
    assert await tickets(api.database) == before


async def test_an_id_that_is_none_is_not_found(api: Api) -> None:
    for job_id in (uuid4(), "nonsense", "00000000"):
        for method, path in (("GET", ""), ("GET", "/tree"), ("POST", "/cancel"), ("POST", "/retry")):
            answer = await api.anna.request(method, f"/v1/jobs/{job_id}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text


async def test_nobody_sees_or_touches_another_owners_job(api: Api) -> None:
    made = await ask(api)
    for stranger in (api.boris, api.admin):
        for method, path in (("GET", ""), ("GET", "/tree"), ("POST", "/cancel"), ("POST", "/retry")):
            answer = await stranger.request(method, f"/v1/jobs/{made['id']}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
        assert (await stranger.get("/v1/jobs")).json()["jobs"] == []
    assert (await job(api.database, UUID(made["id"]))).status == "pending"


async def test_a_tree_does_not_reach_into_another_owners_jobs(api: Api) -> None:
    made = await ask(api)
    new = NewJob("generate_reply", REPLY["input"], BORIS, parent_id=UUID(made["id"]))
    async with api.database.transaction() as connection:
        await api.app.state.intake.submit(connection, new)
    assert (await api.anna.get(f"/v1/jobs/{made['id']}/tree")).json()["children"] == []
