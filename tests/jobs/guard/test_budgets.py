"""How often a provider may be called in a day, and for one job with all that hangs below it."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest

from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.guard.call import Caller, Target
from jobs.guard.refusals import BudgetSpent
from tests.factories import execute, rows, value
from tests.jobs.guard.fleet import DOWN, attempt, call, opened_guard, other_worker, seen, settled, trip

ROOMY = BreakerRules(threshold=3, first_open=60.0, lease=30.0)
MANY = {"max_concurrent_llm_requests": 50, "patience": 30.0}


async def new_root(database: Database) -> UUID:
    root = uuid4()
    await execute(
        database, f"INSERT INTO jobs (id, kind, owner, queue) VALUES ('{root}', 'generate_reply', 'x', 'llm')"
    )
    return root


async def test_the_day_is_exact_in_the_whole_fleet(database: Database, database_url: str) -> None:
    limits = {"venice_daily_calls": 20, **MANY}
    async with opened_guard(database, ROOMY, **limits) as one, other_worker(database_url, ROOMY, **limits) as two:
        ended = Counter(await asyncio.gather(*(attempt(guard) for guard in (one, two) * 30)))
        assert ended == {"well": 20, "budget_spent": 40}
        with pytest.raises(BudgetSpent) as refused:
            await call(one)
        assert refused.value.retryable is False
        assert "VENICE_DAILY_CALLS" in refused.value.detail
        assert await attempt(one, target=Target("gemini", "llm", "flash")) == "well"
        await settled(one)
        await settled(two)
    now = await seen(database)
    assert (now.used_today, now.daily_calls, now.in_flight) == (20, None, 0)


async def test_the_next_day_begins_anew(database: Database) -> None:
    async with opened_guard(database, venice_daily_calls=1) as guard:
        assert [await attempt(guard) for _ in range(2)] == ["well", "budget_spent"]
        await execute(database, "UPDATE provider_days SET day = day - 1")
        assert [await attempt(guard) for _ in range(2)] == ["well", "budget_spent"]


async def test_a_job_and_those_below_it_share_a_budget_that_is_exact(database: Database, database_url: str) -> None:
    roots = [await new_root(database) for _ in range(2)]
    limits = {"max_llm_calls_per_job": 7, **MANY}
    callers = [Caller(uuid4(), root, "generate_reply") for root in roots for _ in range(12)]
    async with opened_guard(database, ROOMY, **limits) as one, other_worker(database_url, ROOMY, **limits) as two:
        calls = [attempt(guard, caller=caller) for guard in (one, two) for caller in callers]
        assert Counter(await asyncio.gather(*calls)) == {"well": 14, "budget_spent": 34}
        with pytest.raises(BudgetSpent) as refused:
            await call(one, caller=callers[0])
        assert "MAX_LLM_CALLS_PER_JOB" in refused.value.detail
        picture = Target("replicate", "image", "flux")
        assert await attempt(one, caller=callers[0], target=picture) == "well"
    spent = await rows(database, "SELECT root_id, calls FROM job_calls WHERE sort = 'llm'")
    assert {row["root_id"]: row["calls"] for row in spent} == dict.fromkeys(roots, 7)
    # what was refused for the job's sake was not counted for the day
    assert await value(database, "SELECT calls FROM provider_days WHERE provider = 'venice'") == 14


async def test_calls_that_fail_count_and_calls_that_are_not_made_do_not(database: Database) -> None:
    async with opened_guard(database, ROOMY, venice_daily_calls=100, max_concurrent_llm_requests=1) as guard:
        await trip(guard)
        for _ in range(5):
            assert await attempt(guard) == "provider_away"
        assert (await seen(database)).used_today == ROOMY.threshold
        await execute(database, "UPDATE providers SET open_until = now() - interval '1 ms'")
        async with guard.call(Target("venice", "llm", "tiny"), Caller()):
            assert await attempt(guard, DOWN) == "provider_away", "another is the probe"
            assert (await seen(database)).used_today == ROOMY.threshold + 1


async def test_what_a_forgotten_job_has_called_is_forgotten_with_it(database: Database) -> None:
    root = await new_root(database)
    async with opened_guard(database) as guard:
        await call(guard, caller=Caller(root, root, "generate_reply"))
    await execute(database, "DELETE FROM jobs")
    assert await rows(database, "SELECT * FROM job_calls") == []
