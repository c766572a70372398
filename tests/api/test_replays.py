"""A stretch of time sent anew: as a job, with progress, in order, and cancelled if it was a mistake."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs.kinds import registry, replay_deliveries
from jobs.lifecycle import run_job
from jobs.webhooks.again import replay_chunk, take_back
from tests.api.opened_api import Api
from tests.factories import execute, job
from tests.jobs.webhooks.post import BORIS, EVERYTHING, Post

pytestmark = pytest.mark.usefixtures("private_receivers")

BASE = "/v1/replays"
LONG_AGO = "2020-01-01T00:00:00Z"


async def replay(api: Api, endpoint_id: UUID, **more: Any) -> UUID:
    answer = await api.anna.post(BASE, json={"endpoint_id": str(endpoint_id), "since": LONG_AGO, **more})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"].endswith(f"{BASE}/{answer.json()['id']}")
    return UUID(answer.json()["id"])


async def forget_tickets(post: Post) -> None:
    await execute(post.database, "DELETE FROM procrastinate_jobs")


async def test_what_was_sent_goes_again_with_the_same_ids_and_in_order(api: Api, post: Post) -> None:
    endpoint = await post.register(events=["job.created", "job.started", "job.completed"])
    other = await post.register("other")
    jobs = [await post.whole_job() for _ in range(3)]
    await post.run_tickets()
    first = [(each.webhook_id, each.body) for each in post.receiver.received if each.path == "/hook"]
    post.receiver.received.clear()
    until = datetime.now(UTC).isoformat()
    replay_id = await replay(api, endpoint.id, until=until)
    await run_job(post.resources, replay_id)
    done = (await api.anna.get(f"{BASE}/{replay_id}")).json()
    assert (done["status"], done["kind"]) == ("completed", "replay_deliveries")
    assert done["result"] == {"endpoint_id": str(endpoint.id), "replayed": 9}
    await post.run_tickets()
    again = [each for each in post.receiver.received if each.headers.get("webhook-replay")]
    assert sorted((each.webhook_id, each.body) for each in again) == sorted(first)
    for each in jobs:
        seen = [one.event["data"]["seq"] for one in again if one.event["data"]["id"] == str(each.id)]
        assert seen == [1, 2, 3]
    assert not [row for row in await post.deliveries(other) if row["payload"].get("replay")]


async def test_only_what_was_asked_for_goes_again(api: Api, post: Post) -> None:
    endpoint = await post.register(events=EVERYTHING)
    await post.whole_job()
    await post.run_tickets()
    await execute(post.database, "UPDATE deliveries SET status = 'failed' WHERE event_type = 'job.created'")
    await execute(post.database, "UPDATE deliveries SET created_at = '2021-01-01' WHERE event_type = 'job.started'")

    async def chosen(**filters: Any) -> list[str]:
        await execute(post.database, "UPDATE deliveries SET payload = '{}'")
        await run_job(post.resources, await replay(api, endpoint.id, until=datetime.now(UTC).isoformat(), **filters))
        found = [row["event_type"] for row in await post.deliveries(endpoint) if row["payload"].get("replay_job")]
        await execute(
            post.database,
            "DELETE FROM procrastinate_jobs",
            "DELETE FROM deliveries WHERE NOT event_type IN ('job.created', 'job.started', 'job.completed')"
            " OR job_id IN (SELECT id FROM jobs WHERE kind = 'replay_deliveries')",
            "UPDATE deliveries SET next_attempt_at = NULL,"
            " status = CASE event_type WHEN 'job.created' THEN 'failed' ELSE 'sent' END",
        )
        return found

    assert await chosen() == ["job.created", "job.started", "job.completed"]
    assert await chosen(statuses=["failed"]) == ["job.created"]
    assert await chosen(events=["job.completed"]) == ["job.completed"]
    assert await chosen(since="2025-01-01T00:00:00Z") == ["job.created", "job.completed"]


async def test_a_replay_that_is_run_again_after_a_crash_repeats_nothing(api: Api, post: Post) -> None:
    endpoint = await post.register()
    await post.whole_job()
    await post.run_tickets()
    replay_id = await replay(api, endpoint.id, until=datetime.now(UTC).isoformat())
    await run_job(post.resources, replay_id)
    await post.run_tickets()
    await execute(
        post.database,
        "ALTER TABLE jobs DISABLE TRIGGER USER",
        f"UPDATE jobs SET status = 'processing', finished_at = NULL WHERE id = '{replay_id}'",
        "ALTER TABLE jobs ENABLE TRIGGER USER",
    )
    await run_job(post.resources, replay_id)
    await post.run_tickets()
    assert [each.headers.get("webhook-replay") for each in post.receiver.received].count("true") == 1


async def test_cancelled_it_takes_back_what_has_not_gone_out(
    api: Api, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_deliveries, "CHUNK", 1)
    endpoint = await post.register(events=["job.created"])
    for _ in range(5):
        await post.job()
    await post.run_tickets()
    replay_id = await replay(api, endpoint.id, until=datetime.now(UTC).isoformat())
    await forget_tickets(post)
    after_two = asyncio.Event()
    calls = 0

    async def counted(*given: Any, **named: Any) -> list[int]:
        nonlocal calls
        calls += 1
        if calls == 3:
            after_two.set()
            await asyncio.sleep(60)
        return await replay_chunk(*given, **named)

    monkeypatch.setattr(replay_deliveries, "replay_chunk", counted)
    running = asyncio.create_task(run_job(post.resources, replay_id))
    await after_two.wait()
    assert [bool(row["payload"].get("replay_job")) for row in await post.deliveries(endpoint)][:5] == [True] * 2 + [
        False
    ] * 3
    cancelled = await api.anna.post(f"/v1/jobs/{replay_id}/cancel")
    assert cancelled.status_code == 200
    running.cancel()
    await asyncio.wait([running])
    assert (await job(post.database, replay_id)).status == "cancelled"
    assert (await post.statuses(endpoint))[:5] == ["sent"] * 5
    await post.run_tickets()
    replayed = [each for each in post.receiver.received if "webhook-replay" in each.headers]
    assert replayed == [], "a ticket that was made already sends nothing"


async def test_new_events_go_on_after_a_replay_was_cancelled(api: Api, post: Post) -> None:
    """What had waited in a chain behind a replayed delivery must not wait for ever when that one is taken back."""
    endpoint = await post.register(events=["job.created", "job.started"])
    made = await post.job()
    await post.run_tickets()
    replay_id = await replay(api, endpoint.id, until=datetime.now(UTC).isoformat())
    await run_job(post.resources, replay_id)
    await post.start(made)
    async with post.database.transaction() as connection:
        assert await take_back(connection, endpoint.owner, endpoint.id, replay_id) == 1
    await post.run_tickets()
    assert "job.started" in post.types
    assert set(await post.statuses(endpoint)) == {"sent"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"until": LONG_AGO}, "Nothing lies between"),
        ({"events": ["job.complete"]}, "no event"),
        ({"statuses": ["held"]}, "statuses"),
        ({"since": "2020-01-01"}, "since"),
        ({"since": "2020-01-01T00:00:00"}, "since"),
        ({"endpoint_id": "x"}, "endpoint_id"),
    ],
)
async def test_what_is_wrong_is_said(api: Api, post: Post, more: dict[str, Any], words: str) -> None:
    endpoint = await post.register()
    body = {"endpoint_id": str(endpoint.id), "since": LONG_AGO, **more}
    refused = await api.anna.post(BASE, json=body)
    assert refused.status_code == 422
    assert words in refused.text


async def test_a_disabled_endpoint_is_not_replayed_to(api: Api, post: Post) -> None:
    endpoint = await post.register()
    await post.change(endpoint, disabled=True)
    refused = await api.anna.post(BASE, json={"endpoint_id": str(endpoint.id), "since": LONG_AGO})
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")


async def test_the_same_request_makes_one_replay(api: Api, post: Post) -> None:
    endpoint = await post.register()
    body = {"endpoint_id": str(endpoint.id), "since": LONG_AGO}
    answers = [await api.anna.post(BASE, json=body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert answers[0].json()["id"] == answers[1].json()["id"]


async def test_nobody_replays_for_another_owner(api: Api, post: Post) -> None:
    theirs = await post.register(owner=BORIS)
    refused = await api.anna.post(BASE, json={"endpoint_id": str(theirs.id), "since": LONG_AGO})
    assert refused.status_code == 404
    made = await api.boris.post(BASE, json={"endpoint_id": str(theirs.id), "since": LONG_AGO})
    assert made.status_code == 202
    assert (await api.anna.get(f"{BASE}/{made.json()['id']}")).status_code == 404
    assert (await api.anna.get(f"{BASE}/{uuid4()}")).status_code == 404
    assert (await api.boris.get(f"{BASE}/{made.json()['id']}")).status_code == 200
    assert (await api.nobody.post(BASE, json={})).status_code == 401


async def test_another_job_is_no_replay(api: Api) -> None:
    accepted = await api.anna.post("/v1/jobs", json={"kind": "generate_image", "input": {"prompt": "x"}})
    assert (await api.anna.get(f"{BASE}/{accepted.json()['id']}")).status_code == 404


async def test_a_replay_is_not_asked_for_as_a_job(api: Api, post: Post) -> None:
    endpoint = await post.register()
    given = {"endpoint_id": str(endpoint.id), "since": LONG_AGO, "until": datetime.now(UTC).isoformat()}
    refused = await api.anna.post("/v1/jobs", json={"kind": "replay_deliveries", "input": given})
    assert refused.status_code == 422
    assert registry.find("replay_deliveries").QUEUE == "webhooks"
