"""Who is logged in to the pages is known to the database: a logout ends it, and requests are counted as in the API."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import Request

from api.pages.client_address import address_of
from api.pages.sessions import COOKIE, LIFE
from jobs.db import retention
from jobs.db.access import page_logins
from tests.api.live_api import live_api, stream
from tests.api.opened_api import ANNA, BASE_URL, Api, new_key
from tests.api.pages.test_pages_closed import csrf, log_in
from tests.factories import execute, rows, value
from tests.jobs.events.writers import new_job

SESSIONS = "SELECT count(*) FROM page_sessions"
WRONG = "pg_000000000000_wrong"


@asynccontextmanager
async def browser(
    api: Api, *keys: str, address: str = "203.0.113.7", **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Logged in with the key, if there is one."""
    transport = httpx.ASGITransport(api.app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=headers) as http:
        for key in keys:
            assert (await log_in(http, key)).status_code == 303
        yield http


async def status_with(http: httpx.AsyncClient, cookie: str) -> int:
    """Of a browser that has this cookie and no other."""
    http.cookies.clear()
    return (await http.get("/analyses", headers={"Cookie": f"{COOKIE}={cookie}"})).status_code


def nonce_in(cookie: str) -> str:
    body = cookie.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))[0])


async def log_out(http: httpx.AsyncClient, **more: str) -> httpx.Response:
    return await http.post("/logout", data={"csrf": csrf((await http.get("/analyses")).text), **more})


async def test_a_copied_cookie_outlived_the_logout(api: Api) -> None:
    key, other = await new_key(api.database, ANNA), await new_key(api.database, ANNA)
    async with (
        browser(api, key) as here,
        browser(api, key) as there,
        browser(api, other) as elsewhere,
        browser(api) as thief,
    ):
        copied, theirs, others = (http.cookies[COOKIE] for http in (here, there, elsewhere))
        assert await status_with(thief, copied) == 200
        left = await log_out(here)
        assert (left.status_code, left.headers["location"]) == (303, "/login")
        [cleared] = [each for each in left.headers.get_list("set-cookie") if each.startswith(COOKIE)]
        for word in ('=""', "Max-Age=0", "HttpOnly", "SameSite=lax", "Path=/"):
            assert word in cleared
        assert await status_with(thief, copied) == 303, "the cookie is the same, and good for nothing"
        assert await status_with(thief, theirs) == 200
        # a form that was open then asks for a login, and its token is no good for the next session
        late = await thief.post("/analyses", data={"csrf": "x"}, headers={"Cookie": f"{COOKIE}={copied}"})
        assert late.headers["location"].startswith("/login")

        # everywhere: all sessions of this key, and of no other
        assert (await log_out(there, everywhere="yes")).status_code == 303
        assert await status_with(thief, theirs) == 303
        assert await status_with(thief, others) == 200
        # without the form's token nobody is logged out
        assert (await elsewhere.post("/logout", data={"everywhere": "yes"})).status_code == 403
        assert await value(api.database, SESSIONS) == 1
        # who logs in again in the same browser ends the session before
        form = {"csrf": csrf((await elsewhere.get("/analyses")).text), "key": key}
        assert (await elsewhere.post("/login", data=form)).status_code == 303
        assert await status_with(thief, others) == 303
        assert (await elsewhere.get("/analyses")).status_code == 200
        assert await value(api.database, SESSIONS) == 1


async def test_a_session_ends_with_its_time_or_its_key_and_is_forgotten(api: Api) -> None:
    keys = [await new_key(api.database, ANNA) for _ in range(3)]
    cookies = []
    async with browser(api) as http:
        for key in keys:
            async with browser(api, key) as own:
                cookies.append(own.cookies[COOKIE])
        [row, *_] = await rows(api.database, "SELECT * FROM page_sessions ORDER BY made_at")
        assert abs(row["ends_at"] - datetime.now(UTC) - LIFE).total_seconds() < 60
        assert nonce_in(cookies[0]) not in str(row), "nobody who reads the table can log in with it"
        stale = "UPDATE page_sessions SET {} WHERE made_at = (SELECT min(made_at) FROM page_sessions)"
        await execute(
            api.database,
            stale.format("ends_at = now() - interval '1 second'"),
            "UPDATE api_keys SET revoked_at = now() WHERE id = (SELECT key_id FROM page_sessions ORDER BY made_at"
            " OFFSET 1 LIMIT 1)",
            "UPDATE page_sessions SET used_at = now() - interval '1 hour'",
        )
        assert [await status_with(http, each) for each in cookies] == [303, 303, 200]
        used = "SELECT count(*) FROM page_sessions WHERE used_at > now() - interval '1 minute'"
        assert await value(api.database, used) == 3, "by whoever had the cookie"
    gone = await retention.forget_rows(api.database, 3600)
    assert (gone["page_sessions"], await value(api.database, SESSIONS)) == (2, 1)


async def test_pages_had_no_limit_of_requests(api: Api) -> None:
    key = await new_key(api.database, ANNA, requests_per_minute=6)
    async with browser(api, key, **{"Accept-Language": "ru"}) as http:
        answers = [await http.get("/analyses") for _ in range(6)]
        # the login was one of the six
        assert [each.status_code for each in answers] == [200] * 5 + [429]
        assert answers[0].headers["ratelimit-policy"].startswith('"requests";q=6;w=60')
        refused = answers[-1]
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert "Слишком много запросов подряд" in refused.text
        assert 'href="/analyses"' in refused.text
        for headers in ({"X-Requested-With": "fetch"}, {"Accept": "text/event-stream"}):
            data = await http.get("/analyses/rows", headers=headers)
            assert (data.status_code, data.json()["code"], "retry-after" in data.headers) == (429, "rate_limited", True)
        # one count for both doors, and nobody is kept from logging out
        spent = await api.nobody.get("/v1/comparisons", headers={"Authorization": f"Bearer {key}"})
        assert spent.status_code == 429
        async with browser(api) as again:
            full = await log_in(again, key)
            assert (full.status_code, "retry-after" in full.headers) == (429, True)
        assert (await http.post("/logout", data={"csrf": csrf(refused.text)})).status_code == 303
        assert await value(api.database, SESSIONS) == 0


async def test_the_form_of_the_login_had_no_limit_of_tries(api: Api) -> None:
    key = await new_key(api.database, ANNA)
    async with browser(api) as guesser, browser(api, address="203.0.113.8") as somebody:
        tries = [(await log_in(guesser, WRONG)).status_code for _ in range(page_logins.TRIES + 1)]
        assert tries == [401] * page_logins.TRIES + [429]
        for given in (WRONG, key):
            refused = await log_in(guesser, given)
            assert (refused.status_code, "You have asked too often. Wait" in refused.text) == (429, True)
            assert 1 <= int(refused.headers["retry-after"]) <= 6
        assert (await log_in(somebody, key)).status_code == 303, "from elsewhere one may"
        # who comes with a good key has not tried: an office may share an address
        async with browser(api, address="203.0.113.9") as office:
            for _ in range(page_logins.TRIES + 2):
                assert (await log_in(office, key)).status_code == 303
                office.cookies.clear()
        await execute(api.database, "UPDATE page_logins SET arrival = arrival - interval '1 minute'")
        assert (await log_in(guesser, key)).status_code == 303
    assert "203.0.113" not in str(await rows(api.database, "SELECT * FROM page_logins"))
    assert (await retention.forget_rows(api.database, 3600))["page_logins"] == 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("203.0.113.7", "203.0.113.8", False), ("203.0.113.7", "::ffff:203.0.113.7", True),
     ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True), ("2001:db8:1:2::1", "2001:db8:1:3::1", False)],
)  # fmt: skip
def test_whose_tries_are_counted_together(one: str, other: str, same: bool) -> None:
    asked = [Request({"type": "http", "client": (host, 1)}) for host in (one, other)]
    assert (address_of(asked[0], b"secret") == address_of(asked[1], b"secret")) is same


async def test_a_page_that_was_open_elsewhere_heard_on_after_the_logout(database_url: str) -> None:
    async with live_api(database_url) as api, httpx.AsyncClient(base_url=api.url, trust_env=False) as http:
        api.hurry(key_check=0)
        assert (await log_in(http, await new_key(api.database, ANNA))).status_code == 303
        token = csrf((await http.get("/analyses")).text)
        async with stream(http, "/analyses/events") as events:
            await events.next()
            assert (await http.post("/logout", data={"csrf": token})).status_code == 303
            await new_job(api.database, owner=ANNA)
            assert await events.rest() == []
