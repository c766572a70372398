"""Endpoints by HTTP: registered, changed, rotated, tried, deleted; and nobody sees another owner's."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from api import webhook_events
from jobs.signatures import new_secret, sign
from jobs.webhooks import event_types
from tests.api.opened_api import ANNA, Api
from tests.factories import execute, rows, value

URL = "https://example.com/hook"
BASE = "/v1/webhook-endpoints"


async def register(http: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    made = await http.post(BASE, json={"url": URL, **more})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


async def test_a_new_endpoint_has_a_secret_and_the_usual_events(api: Api) -> None:
    made = await register(api.anna, description="the shop")
    assert made["secret"].startswith("whsec_")
    assert made["events"] == list(event_types.DEFAULT)
    assert (made["payload"], made["disabled"], made["held"]) == ("full", False, {"count": 0, "oldest": None})
    read = await api.anna.get(f"{BASE}/{made['id']}")
    assert read.json() == {name: each for name, each in made.items() if name != "secret"}
    assert "secret" not in read.json()


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"url": "http://example.com/"}, "/url", "https://"),
        ({"url": "https://127.0.0.1/"}, "/url", "this machine"),
        ({"url": "https://2130706433/"}, "/url", "this machine"),
        ({"url": "https://localhost/"}, "/url", "inner network"),
        ({"url": URL, "events": ["job.done"]}, "/events", "job.done"),
        ({"url": URL, "events": []}, "/events", "at least 1"),
        ({"url": URL, "secret": "whsec_AAAA"}, "/secret", "24 to 64 bytes"),
        ({"url": URL, "payload": "fat"}, "/payload", "full"),
        ({"url": URL, "description": "a\0b"}, "/description", "zero byte"),
        ({"url": URL, "color": "red"}, "/color", "Extra"),
        ({}, "/url", "required"),
    ],
)
async def test_what_is_wrong_is_pointed_at(api: Api, body: dict[str, Any], pointer: str, words: str) -> None:
    refused = await api.anna.post(BASE, json=body)
    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert error["pointer"] == pointer
    assert words in error["detail"]


async def test_a_change_changes_what_it_names(api: Api) -> None:
    made = await register(api.anna, description="old")
    changed = await api.anna.patch(f"{BASE}/{made['id']}", json={"url": f"{URL}/2", "payload": "thin"})
    assert changed.status_code == 200
    assert [changed.json()[name] for name in ("url", "payload", "description")] == [f"{URL}/2", "thin", "old"]
    refused = await api.anna.patch(f"{BASE}/{made['id']}", json={"url": "https://10.0.0.1/"})
    assert refused.status_code == 422


async def test_disabled_it_says_why_and_what_is_held(api: Api) -> None:
    made = await register(api.anna)
    off = (await api.anna.patch(f"{BASE}/{made['id']}", json={"disabled": True})).json()
    assert (off["disabled"], off["disabled_reason"]) == (True, "Disabled by its owner.")
    sent = await api.anna.post(f"{BASE}/{made['id']}/test")
    assert sent.status_code == 202
    held = (await api.anna.get(f"{BASE}/{made['id']}")).json()["held"]
    assert held["count"] == 1
    assert held["oldest"] is not None
    on = (await api.anna.patch(f"{BASE}/{made['id']}", json={"disabled": False})).json()
    assert (on["disabled"], on["disabled_reason"], on["held"]["count"]) == (False, None, 0)
    assert await value(api.database, "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'webhooks'") == 1


async def test_a_failing_endpoint_shows_when_it_will_be_disabled(api: Api) -> None:
    made = await register(api.anna)
    await execute(api.database, "UPDATE webhook_endpoints SET failures = 3, failing_since = now() - interval '1 day'")
    shown = (await api.anna.get(f"{BASE}/{made['id']}")).json()
    left = datetime.fromisoformat(shown["disable_at"]) - datetime.now(UTC)
    assert shown["failures"] == 3
    assert timedelta(days=3.9) < left < timedelta(days=4)


async def test_a_rotated_secret_stays_for_a_day(api: Api) -> None:
    made = await register(api.anna)
    wanted = new_secret()
    rotated = await api.anna.post(f"{BASE}/{made['id']}/rotate", json={"secret": wanted})
    new, old = rotated.json()["secrets"]
    assert (new, old["secret"]) == ({"secret": wanted, "expires_at": None}, made["secret"])
    assert datetime.fromisoformat(old["expires_at"]) - datetime.now(UTC) > timedelta(hours=23)
    again = await api.anna.post(f"{BASE}/{made['id']}/rotate", json={"secret": wanted})
    assert again.json() == rotated.json(), "repeated, it changes nothing"
    without = await api.anna.post(f"{BASE}/{made['id']}/rotate")
    assert len(without.json()["secrets"]) == 3
    read = await api.anna.get(f"{BASE}/{made['id']}/secret")
    assert read.json() == without.json()
    assert read.headers["cache-control"] == "no-store"


async def test_deleted_it_is_gone(api: Api) -> None:
    made = await register(api.anna)
    assert (await api.anna.delete(f"{BASE}/{made['id']}")).status_code == 204
    assert (await api.anna.get(f"{BASE}/{made['id']}")).status_code == 404
    assert (await api.anna.delete(f"{BASE}/{made['id']}")).status_code == 404


async def test_the_list_is_in_pages(api: Api) -> None:
    made = {(await register(api.anna))["id"] for _ in range(5)}
    seen: list[str] = []
    cursor = None
    while True:
        page = (await api.anna.get(BASE, params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        seen += [each["id"] for each in page["endpoints"]]
        cursor = page["next"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
    assert (len(seen), set(seen)) == (5, made)


async def test_the_endpoint_of_a_jobs_own_url_is_shown_when_asked_for(api: Api) -> None:
    accepted = await api.anna.post(
        "/v1/jobs", json={"kind": "generate_image", "input": {"prompt": "x"}, "webhook_url": URL}
    )
    assert accepted.status_code == 202, accepted.text
    assert (await api.anna.get(BASE)).json()["endpoints"] == []
    [shown] = (await api.anna.get(BASE, params={"implicit": True})).json()["endpoints"]
    assert (shown["implicit"], shown["url"]) == (True, URL)
    secrets = (await api.anna.get(f"{BASE}/{shown['id']}/secret")).json()["secrets"]
    assert secrets[0]["secret"].startswith("whsec_")
    refused = await api.anna.patch(f"{BASE}/{shown['id']}", json={"url": f"{URL}/2"})
    assert (refused.status_code, refused.json()["code"]) == (422, "implicit_endpoint")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("GET", "/secret", None),
        ("PATCH", "", {"disabled": True}),
        ("DELETE", "", None),
        ("POST", "/rotate", {}),
        ("POST", "/test", None),
    ],
)
async def test_nobody_reaches_another_owners_endpoint(api: Api, method: str, path: str, body: Any) -> None:
    made = await register(api.anna)
    before = await rows(api.database, "SELECT * FROM webhook_endpoints")
    stranger = await api.boris.request(method, f"{BASE}/{made['id']}{path}", json=body)
    other = str(uuid4())
    unknown = await api.boris.request(method, f"{BASE}/{other}{path}", json=body)
    assert (stranger.status_code, unknown.status_code) == (404, 404)
    assert stranger.text.replace(made["id"], other) == unknown.text
    nobody = await api.nobody.request(method, f"{BASE}/{made['id']}{path}", json=body)
    assert nobody.status_code == 401
    assert await rows(api.database, "SELECT * FROM webhook_endpoints") == before
    assert (await api.boris.get(BASE, params={"implicit": True})).json()["endpoints"] == []


async def sent_test(api: Api, made: dict[str, Any]) -> tuple[dict[str, str], str]:
    """Headers and body as the receiver would have got them."""
    await api.anna.post(f"{BASE}/{made['id']}/test")
    [row] = await rows(api.database, "SELECT webhook_id, body FROM deliveries")
    return sign(row["webhook_id"], datetime.now(UTC), row["body"], [made["secret"]]), row["body"].decode()


async def test_the_helper_says_which_check_failed(api: Api) -> None:
    made = await register(api.anna)
    headers, body = await sent_test(api, made)

    async def ask(**question: Any) -> tuple[bool, str | None, str]:
        asked = await api.anna.post(f"{BASE}/verify", json={"headers": headers, "body": body, **question})
        assert asked.status_code == 200, asked.text
        found = asked.json()
        return found["verified"], found["check"], found["detail"]

    assert await ask() == (True, None, "The signature is right.")
    assert (await ask(secret=made["secret"]))[0]
    assert (await ask(secret=new_secret()))[1] == "wrong_secret"
    assert (await ask(headers={}))[1] == "missing_header"
    assert (await ask(headers={**headers, "webhook-id": "msg_other"}))[1] == "unknown_id"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await ask(at=later))[1] == "timestamp_too_old"
    _, check, detail = await ask(body=body[:5] + "X" + body[6:])
    assert (check, "byte 5" in detail) == ("body_changed", True)
    rewritten = json.dumps(json.loads(body))
    assert "parsed and written again" in (await ask(body=rewritten))[2]


async def test_the_helper_knows_nothing_of_another_owners_webhooks(api: Api) -> None:
    made = await register(api.anna)
    headers, body = await sent_test(api, made)
    asked = await api.boris.post(f"{BASE}/verify", json={"headers": headers, "body": body})
    assert (asked.json()["verified"], asked.json()["check"]) == (False, "unknown_id")


async def test_the_public_keys_need_no_key(api: Api) -> None:
    answer = await api.nobody.get("/.well-known/webhook-keys")
    assert answer.status_code == 200
    [key] = answer.json()["keys"]
    assert (key["kty"], key["crv"], key["public_key"][:5]) == ("OKP", "Ed25519", "whpk_")
    again = await api.nobody.get("/.well-known/webhook-keys")
    assert again.json() == answer.json()
    assert "max-age" in answer.headers["cache-control"]
    [row] = await rows(api.database, "SELECT id, public_key FROM signing_keys")
    assert row["id"] == key["kid"]


async def test_the_documentation_shows_what_is_sent(api: Api) -> None:
    if not api.app.webhooks.routes:
        webhook_events.install(api.app)
    document = (await api.nobody.get("/openapi.json")).json()
    assert set(document["webhooks"]) == {*event_types.ALL, event_types.TEST}
    operation = document["webhooks"]["job.completed"]["post"]
    names = {each["name"] for each in operation["parameters"]}
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= names
    assert "410" in operation["responses"]
    assert ANNA not in str(document)
