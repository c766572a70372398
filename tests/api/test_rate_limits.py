"""How much a key may ask in a minute: counted by the database, so that it is right across processes."""

import asyncio
import math
import re

import httpx
from sqlalchemy import event

from tests.api.opened_api import Api, client, new_key, opened_api
from tests.factories import execute, value


def said(answer: httpx.Response) -> tuple[int, int]:
    """Remaining requests, and seconds until the whole minute is free again."""
    found = re.fullmatch(r'"requests";r=([0-9]+);t=([0-9]+)', answer.headers["RateLimit"])
    assert found, answer.headers["RateLimit"]
    return int(found[1]), int(found[2])


async def test_every_answer_says_what_is_left(api: Api) -> None:
    key = await new_key(api.database, "account:clara", requests_per_minute=5)
    async with client(api.app, key) as http:
        answers = [
            await http.get("/v1/jobs"),
            await http.get("/v1/jobs?limit=0"),
            await http.get("/v1/jobs/00000000-0000-0000-0000-000000000000"),
            await http.post("/v1/jobs", json={}),
            await http.get("/v1/keys"),
        ]
    assert [answer.status_code for answer in answers] == [200, 422, 404, 422, 403]
    assert [said(answer)[0] for answer in answers] == [4, 3, 2, 1, 0]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"requests";q=5;w=60'}


async def test_a_minutes_requests_may_come_at_once_and_not_one_more(api: Api) -> None:
    for limit in (1, 7, 60):
        key = await new_key(api.database, f"account:{limit}", requests_per_minute=limit)
        async with client(api.app, key) as http:
            answers = [await http.get("/v1/jobs") for _ in range(limit)]
            # ten seconds more than a minute allows, so that a slow machine does not get there first
            await execute(
                api.database,
                "UPDATE rate_limits SET arrival = now() + interval '70 seconds'"
                f" WHERE key_id = (SELECT id FROM api_keys WHERE owner = 'account:{limit}')",
            )
            refused = await http.get("/v1/jobs")
        assert {answer.status_code for answer in answers} == {200}
        assert (refused.status_code, refused.json()["code"], refused.json()["retryable"]) == (429, "rate_limited", True)
        assert refused.headers["Content-Type"] == "application/problem+json"
        remaining, full = said(refused)
        assert remaining == 0
        assert 60 <= full <= 70
        latest = full - 60 + math.ceil(60 / limit)
        assert int(refused.headers["Retry-After"]) in (latest - 1, latest)


async def test_what_was_refused_is_not_counted_and_time_gives_back(api: Api) -> None:
    key = await new_key(api.database, "account:clara", requests_per_minute=2)
    async with client(api.app, key) as http:
        statuses = [(await http.get("/v1/jobs")).status_code for _ in range(5)]
        assert statuses == [200, 200, 429, 429, 429]
        await execute(api.database, "UPDATE rate_limits SET arrival = arrival - interval '31 seconds'")
        assert [(await http.get("/v1/jobs")).status_code for _ in range(2)] == [200, 429]
        await execute(api.database, "UPDATE rate_limits SET arrival = arrival - interval '10 minutes'")
        assert [(await http.get("/v1/jobs")).status_code for _ in range(3)] == [200, 200, 429]


async def test_two_processes_count_together(database_url: str) -> None:
    async with opened_api(database_url) as api, opened_api(database_url) as other:
        key = await new_key(api.database, "account:clara", requests_per_minute=20)
        async with client(api.app, key) as here, client(other.app, key) as there:
            answers = await asyncio.gather(*(each.get("/v1/jobs") for each in [here, there] * 20))
        passed = [answer for answer in answers if answer.status_code == 200]
        # one more for each three seconds that this took on a slow machine
        spent = await value(
            api.database,
            "SELECT extract(epoch FROM now() - min(created_at))::float8 FROM api_keys WHERE owner = 'account:clara'",
        )
        assert 20 <= len(passed) <= 20 + spent / 3 + 1
        assert len({said(answer)[0] for answer in passed}) >= 20 - spent / 3 - 1, "each one was counted by itself"


async def test_one_key_does_not_use_up_anothers(api: Api) -> None:
    keys = [await new_key(api.database, "account:clara", requests_per_minute=1) for _ in range(2)]
    for key in keys:
        async with client(api.app, key) as http:
            assert [(await http.get("/v1/jobs")).status_code for _ in range(2)] == [200, 429]


async def test_looking_a_key_up_and_counting_it_is_one_statement(api: Api) -> None:
    seen: list[str] = []
    engine = api.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    assert (await api.anna.get("/v1/keys")).status_code == 403
    assert len(seen) == 1
