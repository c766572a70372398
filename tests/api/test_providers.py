"""/v1/providers: breakers, limits and budgets as an operator sees them, and the log of calls."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs.db.provider import provider_calls
from jobs.db.provider.provider_calls import ProviderCall
from jobs.guard.call import Caller, Target
from tests.api.opened_api import Api
from tests.factories import execute, value
from tests.jobs.guard.fleet import NOBODY, VENICE, attempt, opened_guard, settled, trip


def made(outcome: str = "success", *, ago: float = 0, provider: str = "venice", **more: Any) -> ProviderCall:
    started = datetime.now(UTC) - timedelta(minutes=ago)
    return ProviderCall(provider, "tiny", "llm", outcome, 120, started, **{"kind": "generate_reply", **more})


async def log(api: Api, *calls: ProviderCall) -> None:
    async with api.database.transaction() as connection:
        await provider_calls.insert(connection, calls)


async def page(api: Api, **parameters: Any) -> dict[str, Any]:
    answer = await api.admin.get("/v1/providers/calls", params=parameters)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_before_any_worker_was_started(api: Api) -> None:
    answer = await api.admin.get("/v1/providers")
    assert (answer.status_code, answer.json()) == (200, {"providers": [], "sorts": []})
    assert await page(api) == {"calls": [], "has_more": False, "next": None}


async def test_limits_are_seen_before_the_first_call(api: Api) -> None:
    async with opened_guard(api.database, venice_max_concurrent=4, venice_daily_calls=90) as guard:
        await guard.announce({("venice", "llm")})
    answer = (await api.admin.get("/v1/providers")).json()
    [venice] = answer["providers"]
    assert (venice["max_concurrent"], venice["daily_calls"], venice["budget_left"]) == (4, 90, 90)
    assert (venice["state"], venice["in_flight"], venice["failure"]) == ("closed", 0, None)
    assert answer["sorts"] == [{"sort": "llm", "in_flight": 0, "max_concurrent": 15}]


async def test_an_outage_as_an_operator_sees_it(api: Api) -> None:
    async with opened_guard(api.database, venice_daily_calls=10) as guard:
        await guard.announce({("venice", "llm")})
        async with guard.call(VENICE, NOBODY):
            await trip(guard)
            [venice] = (await api.admin.get("/v1/providers")).json()["providers"]
            assert venice["in_flight"] == 1
        await settled(guard)
        await execute(api.database, "UPDATE providers SET open_until = now() + interval '40 s'")
        [venice] = (await api.admin.get("/v1/providers")).json()["providers"]
        assert venice["state"] == "open"
        assert 30 < venice["probe_in"] <= 40
        assert (venice["failure_class"], venice["in_flight"]) == ("transient", 0)
        assert "503" in venice["failure"]
        assert venice["failed_at"] is not None
        assert (venice["used_today"], venice["budget_left"]) == (4, 6)

        await execute(api.database, "UPDATE providers SET open_until = now()")
        [venice] = (await api.admin.get("/v1/providers")).json()["providers"]
        assert (venice["state"], venice["probe_in"], venice["probing"]) == ("half_open", 0, False)
        async with guard.call(VENICE, NOBODY):
            [venice] = (await api.admin.get("/v1/providers")).json()["providers"]
            assert (venice["state"], venice["probing"]) == ("half_open", True)
        await settled(guard)
    [venice] = (await api.admin.get("/v1/providers")).json()["providers"]
    assert venice["state"] == "closed"
    assert "503" in venice["failure"], "the last failure stays to be read"


async def test_the_last_hour_in_figures(api: Api) -> None:
    async with opened_guard(api.database) as guard:
        await attempt(guard)
        await attempt(guard, target=Target("gemini", "llm", "flash"))
        await settled(guard)
    await log(
        api, made(), made("transient"), made("success", ago=10), made("quota", ago=50), made("quota", ago=70),
        made(provider="gemini"),
    )  # fmt: skip
    gemini, venice = (await api.admin.get("/v1/providers")).json()["providers"]
    figures = [(window["minutes"], window["calls"], window["failures"]) for window in venice["windows"]]
    assert figures == [(1, 2, 1), (15, 3, 1), (60, 4, 2)]
    assert [window["calls"] for window in gemini["windows"]] == [1, 1, 1]


async def test_the_log_by_pages(api: Api) -> None:
    await log(api, *(made(ago=minutes, request_id=f"r{minutes}") for minutes in (4, 3, 2, 1, 0)))
    read, cursor = [], None
    while True:
        part = await page(api, limit=2, **({"cursor": cursor} if cursor else {}))
        read += [call["request_id"] for call in part["calls"]]
        assert part["has_more"] is (part["next"] is not None)
        if not (cursor := part["next"]):
            break
    assert read == ["r0", "r1", "r2", "r3", "r4"]


async def test_the_log_by_what_is_asked(api: Api) -> None:
    mine = uuid4()
    failed = made("transient", status_code=503, error="It is down.", probe=True)
    counted = made(job_id=mine, prompt_tokens=10, completion_tokens=3, cost=0.002)
    await log(api, failed, counted, made(kind=None, provider="gemini"))
    [error] = (await page(api, errors="true"))["calls"]
    assert (error["outcome"], error["status_code"], error["error"], error["probe"]) == (
        "transient", 503, "It is down.", True,
    )  # fmt: skip
    [one] = (await page(api, job=str(mine)))["calls"]
    assert (one["prompt_tokens"], one["completion_tokens"], one["cost"]) == (10, 3, 0.002)
    assert (UUID(one["job_id"]), one["latency_ms"], one["started_at"][:10]) == (
        mine,
        120,
        datetime.now(UTC).isoformat()[:10],
    )
    assert len((await page(api, provider="venice"))["calls"]) == 2
    assert len((await page(api, kind="generate_reply", outcome="success"))["calls"]) == 1
    assert (await page(api, provider="nobody"))["calls"] == []


@pytest.mark.parametrize("path", ["/v1/providers", "/v1/providers/calls"])
async def test_only_operators_may(api: Api, path: str) -> None:
    refused = await api.anna.get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    assert (await api.nobody.get(path)).status_code == 401


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "cursor=-1", "job=x", "provider=%00", "no=1"])
async def test_what_cannot_be_asked(api: Api, query: str) -> None:
    assert (await api.admin.get(f"/v1/providers/calls?{query}")).status_code == 422


async def test_a_call_without_a_job_is_in_the_log_too(api: Api) -> None:
    calls: list[ProviderCall] = []
    async with opened_guard(api.database) as guard:
        await attempt(guard, caller=Caller(calls=calls))
    await log(api, *calls)
    assert await value(api.database, "SELECT outcome FROM provider_calls WHERE job_id IS NULL") == "success"
