"""POST /v1/jobs: what is accepted becomes a job and a ticket at once; what is not says which field is wrong."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs.lanes.fairness import ticket_priority
from tests.api.opened_api import ANNA, Api, client, new_key, opened_api
from tests.factories import add_user, all_jobs, execute, rows, tickets, value
from webhook.visit import CHAT_PRIORITY

Json = dict[str, Any]

REPLY: Json = {"kind": "generate_reply", "input": {"system_prompt": "You are a test.", "user_message": "Hi"}}
PICTURE: Json = {"kind": "generate_image", "input": {"prompt": "a lighthouse"}}


def pointers(problem: Json) -> list[str]:
    return [error.get("pointer", error.get("parameter")) for error in problem["errors"]]


async def test_a_job_its_ticket_and_where_to_read_it(api: Api) -> None:
    answer = await api.anna.post("/v1/jobs", json={**REPLY, "priority": 5, "metadata": {"order": [1, {"a": None}]}})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}" == job["urls"]["self"]
    assert (job["status"], job["queue"], job["kind"], job["seq"]) == ("pending", "llm", "generate_reply", 1)
    assert job["metadata"] == {"order": [1, {"a": None}]}
    [stored] = await all_jobs(api.database)
    assert (str(stored.id), stored.owner, stored.priority) == (job["id"], ANNA, 5)
    [ticket] = await tickets(api.database)
    assert (ticket["id"], ticket["priority"]) == (stored.ticket_id, ticket_priority(5, 0))


async def test_addresses_are_absolute_where_the_public_address_is_known(database_url: str) -> None:
    async with opened_api(database_url, public_url="https://example.com/") as api:
        answer = await api.anna.post("/v1/jobs", json=REPLY)
    assert answer.headers["Location"].startswith("https://example.com/v1/jobs/")
    assert answer.json()["urls"]["events"] == f"{answer.headers['Location']}/events"


WRONG: list[tuple[Any, list[str]]] = [
    ({"kind": "generate_image", "input": {"prompt": ""}}, ["/input/prompt"]),
    ({"kind": "generate_image", "input": {}}, ["/input/prompt"]),
    ({"kind": "generate_image", "input": {"prompt": "x", "width": 100}}, ["/input/width"]),
    ({"kind": "generate_image", "input": {"prompt": "x", "wdith": 512}}, ["/input/wdith"]),
    ({"kind": "generate_image", "input": {"prompt": "a\x00b"}}, ["/input/prompt"]),
    ({**PICTURE, "extra": 1}, ["/extra"]),
    ({**PICTURE, "status": "completed"}, ["/status"]),
    ({**PICTURE, "owner": "account:boris"}, ["/owner"]),
    ({**PICTURE, "priority": 10}, ["/priority"]),
    ({**PICTURE, "priority": -11}, ["/priority"]),
    ({**PICTURE, "metadata": {"a": "x" * 20_000}}, ["/metadata"]),
    ({**PICTURE, "metadata": {"a": "\x00"}}, ["/metadata"]),
    ({**PICTURE, "metadata": {"\x00": 1}}, ["/metadata"]),
    ({**PICTURE, "metadata": [1]}, ["/metadata"]),
    ({**PICTURE, "deadline": "2020-01-01T00:00:00Z"}, ["/deadline"]),
    ({**PICTURE, "deadline": "2100-01-01T00:00:00Z"}, ["/deadline"]),
    ({**PICTURE, "deadline": "9999-12-31T23:59:59-14:00"}, ["/deadline"]),
    ({**PICTURE, "run_at": "2100-01-01T00:00:00Z"}, ["/run_at"]),
    ({**PICTURE, "run_at": "tomorrow"}, ["/run_at"]),
    ({**PICTURE, "run_at": 1_900_000_000}, ["/run_at"]),
    ({**PICTURE, "run_at": "1900000000"}, ["/run_at"]),
    ({**PICTURE, "priority": "5"}, ["/priority"]),
    ({**PICTURE, "priority": True}, ["/priority"]),
    ({**PICTURE, "webhook_events": ["job.completed"]}, ["/webhook_events"]),
    ({**PICTURE, "webhook_url": "ftp://example.com/x"}, ["/webhook_url"]),
    ({**PICTURE, "webhook_url": "https://example.com/x", "webhook_events": ["job.exploded"]}, ["/webhook_events"]),
    ({"kind": "generate_image", "input": {"prompt": "x", "persona": "nobody"}}, ["/input/persona"]),
    ({"kind": "generate_image", "input": {"prompt": "x", "dialog_id": 1}}, ["/input/dialog_id"]),
    ({"kind": "generate_image", "input": {"prompt": "x", "dialog_id": 10**30}}, ["/input/dialog_id"]),
    ({"kind": "generate_reply", "input": {"user_message": "x"}}, ["/input"]),
    (
        {**REPLY, "input": {**REPLY["input"], "history": [{"role": "user", "content": "x"}, {"role": "god"}]}},
        ["/input/history/1/role", "/input/history/1/content"],
    ),
    ({"kind": "nonsense", "input": {}}, ["/kind"]),
    ({"input": {"prompt": "x"}}, ["/kind"]),
    ({"kind": "generate_image"}, ["/input"]),
    ([], [""]),
]


async def test_what_is_wrong_is_pointed_at_and_leaves_no_trace(api: Api) -> None:
    for body, where in WRONG:
        answer = await api.anna.post("/v1/jobs", json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert pointers(answer.json()) == where, answer.text
    assert await all_jobs(api.database) == []
    assert await tickets(api.database) == []
    assert await rows(api.database, "SELECT id FROM webhook_endpoints") == []


async def test_numbers_that_json_does_not_have(api: Api) -> None:
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        body = '{"kind": "generate_image", "input": {"prompt": "x"}, "metadata": {"a": [%s]}}' % number  # noqa: UP031
        answer = await api.anna.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, answer.text
        assert pointers(answer.json()) == ["/metadata"]


async def test_half_a_character_is_refused_and_named(api: Api) -> None:
    body = rb'{"kind": "generate_image", "input": {"prompt": "\ud800"}}'
    answer = await api.anna.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert pointers(answer.json()) == ["/input/prompt"]


async def test_a_dialog_of_a_chat_belongs_to_no_account(api: Api) -> None:
    async with api.database.transaction() as connection:
        await add_user(connection, 7)
    await execute(api.database, "INSERT INTO dialogs (user_id, persona) VALUES (7, 'lina')")
    dialog_id = await value(api.database, "SELECT id FROM dialogs")
    answer = await api.anna.post(
        "/v1/jobs", json={"kind": "generate_image", "input": {"prompt": "x", "dialog_id": dialog_id}}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_dialog")


async def test_a_moment_that_has_passed_means_at_once(api: Api) -> None:
    for moment in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        answer = await api.anna.post("/v1/jobs", json={**REPLY, "run_at": moment})
        assert answer.status_code == 202, answer.text
        assert answer.json()["run_at"] is None
    assert {ticket["scheduled_at"] for ticket in await tickets(api.database)} == {None}


async def test_later_and_with_a_deadline(api: Api) -> None:
    run_at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    body = {**REPLY, "run_at": run_at.isoformat(), "deadline": (run_at + timedelta(hours=1)).isoformat()}
    answer = await api.anna.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["run_at"] == run_at.isoformat()
    [ticket] = await tickets(api.database)
    assert ticket["scheduled_at"] == run_at
    refused = await api.anna.post("/v1/jobs", json={**body, "deadline": run_at.isoformat()})
    assert refused.status_code == 422
    naive = await api.anna.post("/v1/jobs", json={**REPLY, "run_at": "2026-12-01T00:00:00"})
    assert naive.status_code == 422
    assert pointers(naive.json()) == ["/run_at"]


async def test_a_webhook_url_makes_one_endpoint_for_all_jobs(api: Api) -> None:
    body = {**REPLY, "webhook_url": "https://example.com/hook", "webhook_events": ["job.completed"]}
    for _ in range(2):
        answer = await api.anna.post("/v1/jobs", json=body)
        assert answer.status_code == 202, answer.text
    [endpoint] = await rows(api.database, "SELECT id, owner, url FROM webhook_endpoints")
    assert (endpoint["owner"], endpoint["url"]) == (ANNA, "https://example.com/hook")
    wanted = {"webhook": {"endpoint_id": str(endpoint["id"]), "events": ["job.completed"]}}
    assert [job.destination for job in await all_jobs(api.database)] == [wanted, wanted]


async def test_a_dry_run_says_where_and_creates_nothing(api: Api) -> None:
    await api.boris.post("/v1/jobs", json=PICTURE)
    answer = await api.anna.post("/v1/jobs?dry_run=true", json={**PICTURE, "webhook_url": "https://example.com/hook"})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["queue"], said["position"]) == ("gpu-0", 2)
    assert "1 ahead" in said["lane"]
    refused = await api.anna.post("/v1/jobs?dry_run=true", json={"kind": "generate_image", "input": {"prompt": ""}})
    assert refused.status_code == 422
    assert [job.owner for job in await all_jobs(api.database)] == ["account:boris"]
    assert len(await tickets(api.database)) == 1
    assert await rows(api.database, "SELECT id FROM webhook_endpoints") == []


async def test_a_parameter_that_does_not_exist_makes_no_job(api: Api) -> None:
    answer = await api.anna.post("/v1/jobs?dryrun=true", json=PICTURE)
    assert answer.status_code == 422
    assert pointers(answer.json()) == ["dryrun"]
    assert "dry_run" in answer.json()["detail"]
    assert await all_jobs(api.database) == []


async def test_a_picture_without_a_lane_tells_the_operators_fault(database_url: str) -> None:
    async with opened_api(database_url, hosts="") as api:
        answer = await api.anna.post("/v1/jobs", json=PICTURE)
        assert (answer.status_code, answer.json()["code"]) == (503, "misconfigured")
        assert answer.json()["blame"] == "platform"
        assert await all_jobs(api.database) == []


async def test_people_in_chats_go_before_all_that_comes_in_here(api: Api) -> None:
    document = (await api.nobody.get("/openapi.json")).json()
    allowed = document["components"]["schemas"]["GenerateImage"]["properties"]["priority"]
    assert allowed["maximum"] < CHAT_PRIORITY


async def test_the_open_jobs_of_a_key_are_limited_across_processes(database_url: str) -> None:
    async with opened_api(database_url) as api, opened_api(database_url) as other:
        key = await new_key(api.database, "account:clara", open_jobs=3)
        async with client(api.app, key) as here, client(other.app, key) as there:
            answers = await asyncio.gather(*(each.post("/v1/jobs", json=REPLY) for each in [here, there] * 5))
            assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 7
            [refused, *_] = [answer for answer in answers if answer.status_code == 429]
            assert refused.json()["code"] == "too_many_open_jobs"
            assert int(refused.headers["Retry-After"]) >= 1
            assert '"open-jobs";q=3' in refused.headers["RateLimit-Policy"]
            [accepted, *_] = [answer for answer in answers if answer.status_code == 202]
            await here.post(f"/v1/jobs/{accepted.json()['id']}/cancel")
            assert (await there.post("/v1/jobs", json=REPLY)).status_code == 202
            again = await there.post(f"/v1/jobs/{accepted.json()['id']}/retry")
            assert (again.status_code, again.json()["code"]) == (429, "too_many_open_jobs")
