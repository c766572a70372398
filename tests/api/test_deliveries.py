"""The log of webhooks by HTTP: what went where, what came back, and once more on request."""

from typing import Any

import pytest

from tests.api.opened_api import Api
from tests.factories import execute, rows
from tests.jobs.webhooks.post import BORIS, EVERYTHING, Post

pytestmark = pytest.mark.usefixtures("private_receivers")

BASE = "/v1/deliveries"


async def listed(api: Api, **filters: Any) -> list[dict[str, Any]]:
    answer = await api.anna.get(BASE, params=filters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["deliveries"]
    return found


async def test_the_log_tells_what_was_sent_and_what_came_back(api: Api, post: Post) -> None:
    endpoint = await post.register()
    post.receiver.script = ["503"]
    job = await post.whole_job()
    await post.run_tickets()
    [waiting] = await listed(api)
    assert (waiting["status"], waiting["error"]["code"]) == ("pending", "http")
    assert waiting["next_attempt_at"] is not None
    await post.run_tickets()
    [sent] = await listed(api)
    assert (sent["status"], sent["error"], sent["next_attempt_at"]) == ("sent", None, None)
    assert [sent[name] for name in ("job_id", "endpoint_id", "event_type", "event_seq", "attempt", "replay")] == [
        str(job.id), str(endpoint.id), "job.completed", 3, 2, False
    ]  # fmt: skip
    whole = (await api.anna.get(f"{BASE}/{sent['id']}")).json()
    assert whole["body"] == post.receiver.received[0].body.decode()
    assert whole["size"] == len(post.receiver.received[0].body)
    second, first = whole["attempts"]
    assert (first["number"], first["status_code"], first["outcome"]) == (1, 503, "not_sent")
    assert (second["number"], second["status_code"], second["answer"]) == (2, 204, "")
    assert second["latency_ms"] >= 0


async def test_the_list_is_filtered_and_in_pages(api: Api, post: Post) -> None:
    one, other = await post.register("one", events=EVERYTHING), await post.register("other")
    job = await post.whole_job()
    await post.whole_job()
    assert len(await listed(api)) == 8
    assert len(await listed(api, endpoint=str(other.id))) == 2
    assert len(await listed(api, endpoint=str(one.id), job=str(job.id))) == 3
    assert (await listed(api, status="sent")) == []
    assert len(await listed(api, status=["pending", "sent"])) == 8
    seen, cursor = [], None
    while True:
        page = (await api.anna.get(BASE, params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        seen += [each["id"] for each in page["deliveries"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 8


async def test_sent_anew_on_request(api: Api, post: Post) -> None:
    await post.register()
    await post.whole_job()
    await post.run_tickets()
    [sent] = await listed(api)
    again = await api.anna.post(f"{BASE}/{sent['id']}/redeliver")
    assert (again.status_code, again.json()["status"], again.json()["replay"]) == (202, "pending", True)
    repeated = await api.anna.post(f"{BASE}/{sent['id']}/redeliver")
    assert repeated.status_code == 202
    await post.run_tickets()
    assert len(post.receiver.received) == 2, "asked for twice while it waits, it goes once"
    assert post.receiver.received[0].webhook_id == post.receiver.received[1].webhook_id


async def test_where_nothing_can_be_sent_it_says_why(api: Api, post: Post) -> None:
    endpoint = await post.register()
    await post.whole_job()
    await post.run_tickets()
    [sent] = await listed(api)
    await post.change(endpoint, disabled=True)
    refused = await api.anna.post(f"{BASE}/{sent['id']}/redeliver")
    assert (refused.status_code, refused.json()["code"]) == (409, "endpoint_disabled")
    await api.anna.delete(f"/v1/webhook-endpoints/{endpoint.id}")
    gone = await api.anna.post(f"{BASE}/{sent['id']}/redeliver")
    assert (gone.status_code, gone.json()["code"]) == (409, "no_endpoint")
    [kept] = await listed(api)
    assert (kept["endpoint_id"], kept["status"]) == (None, "sent")


async def test_nobody_reaches_another_owners_deliveries(api: Api, post: Post) -> None:
    await post.register(owner=BORIS)
    job = await post.whole_job(owner=BORIS)
    [row] = await rows(api.database, "SELECT * FROM deliveries")
    for method, path in (("GET", ""), ("POST", "/redeliver")):
        stranger = await api.anna.request(method, f"{BASE}/{row['id']}{path}")
        unknown = await api.anna.request(method, f"{BASE}/{row['id'] + 1}{path}")
        assert (stranger.status_code, unknown.status_code) == (404, 404)
        assert (await api.nobody.request(method, f"{BASE}/{row['id']}{path}")).status_code == 401
    for filters in ({}, {"job": str(job.id)}, {"endpoint": str(row["endpoint_id"])}):
        assert await listed(api, **filters) == []
    assert (await rows(api.database, "SELECT * FROM deliveries")) == [row]


async def test_messages_to_a_chat_are_no_webhooks(api: Api) -> None:
    await execute(
        api.database,
        "INSERT INTO deliveries (key, owner, channel, destination) VALUES ('k', 'account:anna', 'telegram', '7')",
    )
    assert await listed(api) == []
    [row] = await rows(api.database, "SELECT id FROM deliveries")
    assert (await api.anna.get(f"{BASE}/{row['id']}")).status_code == 404


@pytest.mark.parametrize("path", ["0", "x", str(2**63), "1/redeliver"])
async def test_a_number_that_is_none(api: Api, path: str) -> None:
    method = "POST" if path.endswith("redeliver") else "GET"
    assert (await api.anna.request(method, f"{BASE}/{path}")).status_code == 404


@pytest.mark.parametrize("cursor", ["x", "0", "-1", "9" * 30])
async def test_a_cursor_that_nobody_was_given(api: Api, cursor: str) -> None:
    assert (await api.anna.get(BASE, params={"cursor": cursor})).status_code == 422
