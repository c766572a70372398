"""PostgreSQL that is slow, silent or gone: the guard lets calls pass, fewer of them, and never waits for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.errors import InvalidInput
from jobs.guard import ledger
from jobs.guard.local_limits import SHARE, LocalBreaker
from jobs.settings import DatabaseSettings
from tests.factories import NOWHERE, plain_tracebacks, value
from tests.faults.relay import relay_to
from tests.jobs.guard.fleet import DOWN, NOBODY, VENICE, attempt, call, opened_guard, seen, settled

RULES = BreakerRules(threshold=3, first_open=60.0, lease=30.0)
# what a call may take with a PostgreSQL that does not answer, on a machine that is busy with something else
BOUND = 20.0


@pytest.fixture(autouse=True)
def brief(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del patient  # first that one, then this
    plain_tracebacks()
    monkeypatch.setattr(ledger, "LONGEST_ANSWER", 0.3)


@asynccontextmanager
async def locked_tables(database: Database) -> AsyncIterator[None]:
    """Nobody gets an answer from these tables, as from a server that is overloaded."""
    async with database.transaction() as connection:
        await connection.exec_driver_sql("LOCK TABLE providers, provider_slots IN ACCESS EXCLUSIVE MODE")
        yield


async def test_without_postgres_calls_pass_within_a_share_of_the_limits() -> None:
    database = Database(DatabaseSettings(database_url=NOWHERE))
    async with asyncio.timeout(BOUND), opened_guard(database, RULES, max_concurrent_llm_requests=2 * SHARE) as guard:
        async with guard.call(VENICE, NOBODY), guard.call(VENICE, NOBODY):
            assert await attempt(guard) == "provider_busy"
        assert await attempt(guard) == "well"
    await database.aclose()


async def test_a_silent_postgres_holds_up_no_call(database_url: str) -> None:
    async with relay_to(database_url) as (relay, through):
        database = Database(DatabaseSettings(database_url=through), pool_size=2)
        async with opened_guard(database, RULES) as guard:
            await call(guard)
            await settled(guard)
            relay.go_silent(new_too=True)
            async with asyncio.timeout(BOUND):
                for _ in range(20):
                    assert await attempt(guard) == "well"
            assert not guard.ledger.can_be_asked(asyncio.get_running_loop().time()), "nobody asks again for a while"
        await database.aclose()


async def test_what_is_granted_too_late_is_given_back(database: Database) -> None:
    async with opened_guard(database, RULES, max_concurrent_llm_requests=4) as guard:
        await call(guard)
        await settled(guard)
        async with asyncio.timeout(BOUND):
            async with locked_tables(database), guard.call(VENICE, NOBODY) as made:
                assert made.id not in guard.ledger.leased
            await settled(guard)
        assert await value(database, "SELECT count(*) FROM provider_slots WHERE call IS NOT NULL") == 0
        assert not guard.ledger.asked
        assert not guard.ledger.leased


async def test_a_late_grant_holds_a_place_for_as_long_as_the_call_takes(database: Database) -> None:
    async with opened_guard(database, RULES, max_concurrent_llm_requests=4) as guard:
        async with asyncio.timeout(BOUND):
            locked = locked_tables(database)
            await locked.__aenter__()
            async with guard.call(VENICE, NOBODY) as made:
                await locked.__aexit__(None, None, None)
                await asyncio.wait([guard.ledger.asked[made.id]])
                assert (await seen(database)).in_flight == 1
            await settled(guard)
        assert (await seen(database)).in_flight == 0


async def test_the_breaker_works_in_this_worker_alone_then() -> None:
    database = Database(DatabaseSettings(database_url=NOWHERE))
    async with opened_guard(database, RULES) as guard:
        for _ in range(RULES.threshold):
            assert await attempt(guard, DOWN) == DOWN.code
        assert await attempt(guard) == "provider_away"
        guard.local.breaker("venice").open_until = 0.0
        async with guard.call(VENICE, NOBODY) as probe:
            assert probe.entry.is_probe
            guard.settings = guard.settings.model_copy(update={"max_concurrent_llm_requests": 2 * SHARE})
            assert await attempt(guard) == "provider_away", "one probe here too"
        assert await attempt(guard) == "well"
    await database.aclose()


async def test_postgres_is_asked_again_after_a_while(database: Database) -> None:
    async with opened_guard(database, RULES) as guard:
        async with locked_tables(database):
            assert await attempt(guard) == "well"
        await settled(guard)
        guard.ledger.not_before = 0.0
        async with guard.call(VENICE, NOBODY) as made:
            assert made.id in guard.ledger.leased


def test_the_local_breaker_step_by_step() -> None:
    from jobs.guard.effects import of_error, of_success

    breaker, failed = LocalBreaker(), of_error(DOWN)[1]
    for _ in range(RULES.threshold):
        assert breaker.ask(0, RULES).verdict == "go"
        breaker.hear(failed, 0, RULES, is_probe=False)
    assert breaker.ask(59, RULES).verdict == "open"
    assert breaker.ask(60, RULES).is_probe
    assert breaker.ask(60, RULES).verdict == "probing"
    breaker.hear(failed, 61, RULES, is_probe=True)
    assert breaker.ask(61 + 119, RULES).verdict == "open", "twice as long"
    breaker.hear(of_success(None), 100, RULES, is_probe=False)
    assert breaker.ask(150, RULES).verdict == "open", "a late success closes nothing"
    assert breaker.ask(61 + 120, RULES).is_probe
    breaker.hear(of_error(InvalidInput("No."))[1], 182, RULES, is_probe=True)
    assert breaker.ask(182, RULES).verdict == "go"
    breaker.hear(of_success(30.0), 182, RULES, is_probe=False)
    assert breaker.ask(200, RULES).verdict == "cooling"
