"""The fleet's circuit breaker: what opens it, who may try, what closes it."""

import asyncio
from uuid import uuid4

import pytest

from jobs.db.provider import provider_gate
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.errors import ContentBlocked, InvalidInput, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.guard.call import Target
from jobs.guard.guard import Guard
from jobs.guard.refusals import ProviderAway
from jobs.providers.failure_class import FailureClass
from jobs.providers.llm_failures import QuotaExhausted, RateLimited, Rejected, WronglySetUp
from tests.factories import execute, rows
from tests.jobs.guard.fleet import (
    DOWN,
    NOBODY,
    QUICK,
    VENICE,
    attempt,
    call,
    opened_guard,
    other_worker,
    seen,
    settled,
    trip,
)

# it stays open for longer than any test
LASTING = BreakerRules(threshold=3, first_open=60.0, longest_open=600.0, lease=5.0)


async def until_probe(database: Database) -> None:
    """The time for which it stays open has passed."""
    await execute(database, "UPDATE providers SET open_until = now() - interval '1 ms' WHERE open_until IS NOT NULL")


async def test_so_many_failures_in_a_row_open_it_for_the_whole_fleet(database: Database, database_url: str) -> None:
    async with opened_guard(database, LASTING) as guard, other_worker(database_url, LASTING) as other:
        assert [await attempt(guard, DOWN) for _ in range(2)] == [DOWN.code] * 2
        assert (await seen(database)).state == "closed"
        assert await attempt(other, DOWN) == DOWN.code
        for each in (guard, other):
            with pytest.raises(ProviderAway) as refused:
                await call(each)
            assert refused.value.forgiven is None, "it costs the job no try"
            assert refused.value.retry_in is not None
            assert 50 < refused.value.retry_in < 90
            assert "503" in refused.value.detail
    now = await seen(database)
    assert (now.state, now.failure_class) == ("open", "transient")
    assert 50 < now.probe_in < 70


async def test_failures_at_the_same_time_are_all_counted(database: Database, database_url: str) -> None:
    async with opened_guard(database, LASTING) as guard, other_worker(database_url, LASTING) as other:
        together = asyncio.Barrier(3)

        async def failing(at: Guard) -> None:
            async with at.call(VENICE, NOBODY):
                await together.wait()
                raise DOWN

        ended = await asyncio.gather(failing(guard), failing(other), failing(other), return_exceptions=True)
        assert all(isinstance(each, TemporaryError) for each in ended)
    assert (await seen(database)).state == "open"


async def test_failures_at_the_same_moment_are_counted_one_by_one(database: Database) -> None:
    together = 8
    rules = BreakerRules(threshold=together, first_open=60.0)
    failed = provider_gate.Effects("failure", "transient", "It is down.")

    async def fails() -> None:
        async with database.statement() as connection:
            await provider_gate.leave(connection, uuid4(), "venice", failed, rules)

    await execute(database, "INSERT INTO providers (name) VALUES ('venice')")
    for _ in range(6):
        await asyncio.gather(*(fails() for _ in range(together)))
        assert (await seen(database)).state == "open"
        async with database.transaction() as connection:
            await provider_gate.close(connection, "venice")


async def test_a_success_between_starts_the_count_anew(database: Database) -> None:
    async with opened_guard(database, LASTING) as guard:
        for error in (DOWN, DOWN, None, DOWN, DOWN):
            await attempt(guard, error)
            await settled(guard)
    now = await seen(database)
    assert (now.state, now.failures_in_a_row) == ("closed", 2)


@pytest.mark.parametrize(
    "error",
    [
        InvalidInput("No."),
        Rejected("No."),
        ContentBlocked("No."),
        PermanentError("No."),
        RateLimited("Slowly.", retry_in=0.0),
        RuntimeError("a mistake of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_says_nothing_against_the_provider_never_opens_it(database: Database, error: Exception) -> None:
    async with opened_guard(database, LASTING) as guard:
        for _ in range(3 * LASTING.threshold):
            with pytest.raises(type(error)):
                await call(guard, error)
        assert await attempt(guard) == "well"
    assert (await seen(database)).state == "closed"


async def test_a_cancelled_call_says_nothing(database: Database) -> None:
    async with opened_guard(database, LASTING) as guard:
        for _ in range(2 * LASTING.threshold):
            begun = asyncio.Event()

            async def endless(begun: asyncio.Event = begun) -> None:
                async with guard.call(VENICE, NOBODY):
                    begun.set()
                    await asyncio.Event().wait()

            running = asyncio.create_task(endless())
            await begun.wait()
            running.cancel()
            await asyncio.wait([running])
            assert running.cancelled()
        await settled(guard)
    now = await seen(database)
    assert (now.state, now.failures_in_a_row, now.in_flight) == ("closed", 0, 0)


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (WronglySetUp("Our key is refused (401)."), 200, 400),
        (QuotaExhausted("No balance is left."), 3000, 4000),
    ],
    ids=["auth", "quota"],
)
async def test_what_needs_the_operator_opens_it_at_once_and_for_long(
    database: Database, error: PostgenError, least: float, most: float
) -> None:
    async with opened_guard(database, QUICK) as guard:
        assert await attempt(guard, error) == error.code
        assert await attempt(guard) == "provider_away"
    now = await seen(database)
    assert (now.state, now.failure) == ("open", error.detail)
    assert least < now.probe_in < most


async def test_a_quota_that_says_when_it_is_renewed(database: Database) -> None:
    error = QuotaExhausted("No calls are left today.")
    error.resets_in = 7 * 3600
    async with opened_guard(database) as guard:
        await attempt(guard, error)
    assert 6 * 3600 < (await seen(database)).probe_in < 8 * 3600


async def test_a_missing_model_does_not_shut_out_the_others(database: Database) -> None:
    missing = WronglySetUp("There is no such model. Run: ollama pull tiny")
    missing.status = 404
    async with opened_guard(database, LASTING) as guard:
        for _ in range(5):
            assert await attempt(guard, missing) == "misconfigured"
        assert await attempt(guard) == "well"


async def test_an_operator_closes_it(database: Database) -> None:
    async with opened_guard(database) as guard:
        await attempt(guard, Misconfigured("The key is wrong."))
        assert await attempt(guard) == "provider_away"
        async with database.transaction() as connection:
            assert await provider_gate.close(connection, "venice") is True
            assert await provider_gate.close(connection, "nobody") is False
        assert await attempt(guard) == "well"


async def test_exactly_one_probe_of_many_workers(database: Database, database_url: str) -> None:
    """The known libraries let all callers through at this moment."""
    async with (
        opened_guard(database, LASTING) as one,
        other_worker(database_url, LASTING) as two,
        other_worker(database_url, LASTING) as three,
    ):
        await trip(one)
        for trips in range(1, 4):
            await until_probe(database)
            let_go, probes = asyncio.Event(), 0

            async def tries(guard: Guard, let_go: asyncio.Event = let_go) -> str:
                nonlocal probes
                try:
                    async with guard.call(VENICE, NOBODY):
                        probes += 1
                        await let_go.wait()
                        raise DOWN
                except PostgenError as failure:
                    return failure.code

            callers = [asyncio.create_task(tries(guard)) for guard in (one, two, three) * 8]
            for refused in asyncio.as_completed(callers, timeout=20):
                await refused
                if sum(caller.done() for caller in callers) == len(callers) - 1:
                    break
            assert probes == 1
            assert (await seen(database)).probing is True
            let_go.set()
            codes = await asyncio.gather(*callers)
            assert sorted(codes) == sorted([DOWN.code, *["provider_away"] * (len(callers) - 1)])
            now = await seen(database)
            assert (now.state, now.probing) == ("open", False)
            assert 50 * 2**trips < now.probe_in < 70 * 2**trips, "each time twice as long"


async def test_a_probe_that_succeeds_closes_it_for_all(database: Database, database_url: str) -> None:
    async with opened_guard(database, LASTING) as guard, other_worker(database_url, LASTING) as other:
        await trip(guard)
        await until_probe(database)
        assert await attempt(other) == "well"
        await settled(other)
        assert [await attempt(guard), await attempt(other)] == ["well", "well"]
        await trip(guard)
    assert (await seen(database)).probe_in < 70, "the next outage begins with the shortest time again"


@pytest.mark.parametrize("error", [InvalidInput("No."), ContentBlocked("No.")], ids=["bad request", "blocked"])
async def test_a_probe_that_the_provider_refuses_for_its_content_closes_it(
    database: Database, error: PostgenError
) -> None:
    async with opened_guard(database, LASTING) as guard:
        await trip(guard)
        await until_probe(database)
        assert await attempt(guard, error) == error.code
        await settled(guard)
    assert (await seen(database)).state == "closed"


async def test_a_cancelled_probe_lets_the_next_call_try(database: Database) -> None:
    async with opened_guard(database, LASTING) as guard:
        await trip(guard)
        await until_probe(database)
        begun = asyncio.Event()

        async def endless() -> None:
            async with guard.call(VENICE, NOBODY):
                begun.set()
                await asyncio.Event().wait()

        running = asyncio.create_task(endless())
        await begun.wait()
        assert await attempt(guard) == "provider_away"
        running.cancel()
        await asyncio.wait([running])
        await settled(guard)
        assert await attempt(guard) == "well"


async def test_what_was_under_way_when_it_opened_changes_nothing(database: Database) -> None:
    async with opened_guard(database, LASTING) as guard:
        async with guard.call(VENICE, NOBODY):
            await trip(guard)
        await settled(guard)
        before = await rows(database, "SELECT open_until, trips FROM providers")
        assert (await seen(database)).state == "open", "a late success closes nothing"
        await until_probe(database)

        async def late() -> None:
            async with guard.call(VENICE, NOBODY):
                await execute(database, "UPDATE providers SET probe = gen_random_uuid()")  # its lease was over
                raise DOWN

        with pytest.raises(TemporaryError):
            await late()
    after = await rows(database, "SELECT open_until, trips FROM providers")
    assert after[0]["trips"] == before[0]["trips"] == 1


async def test_a_healthy_call_writes_nothing_to_the_breaker(database: Database) -> None:
    async with opened_guard(database) as guard:
        await call(guard)
        await settled(guard)
        before = await rows(database, "SELECT xmin::text, ctid::text FROM providers")
        for _ in range(5):
            await call(guard)
        await settled(guard)
    assert await rows(database, "SELECT xmin::text, ctid::text FROM providers") == before


async def test_the_pause_that_a_provider_asks_for_holds_for_all(database: Database, database_url: str) -> None:
    limited = RateLimited("Too many calls (429).", retry_in=45.0)
    async with opened_guard(database) as guard, other_worker(database_url) as other:
        assert await attempt(guard, limited) == "llm_rate_limited"
        assert limited.forgiven, "nor does it cost the job that met it a try"
        with pytest.raises(ProviderAway) as refused:
            await call(other)
        assert refused.value.retry_in is not None
        assert 40 < refused.value.retry_in < 65
    now = await seen(database)
    assert (now.state, now.failure_class) == ("closed", FailureClass.RATE_LIMITED)
    assert 40 < now.cooling <= 45


async def test_a_success_that_used_up_the_last_call_pauses_the_rest(database: Database) -> None:
    async with opened_guard(database) as guard:
        async with guard.call(VENICE, NOBODY) as made:
            made.answered(used_up_for=20.0)
        assert await attempt(guard) == "provider_away"
    assert 15 < (await seen(database)).cooling <= 20


async def test_one_provider_does_not_stop_another(database: Database) -> None:
    async with opened_guard(database, LASTING) as guard:
        await trip(guard)
        assert await attempt(guard, target=Target("gemini", "llm", "flash")) == "well"


async def test_a_call_without_end_is_cut_off_and_counts_as_a_failure(database: Database) -> None:
    async with opened_guard(database, LASTING) as guard:
        with pytest.raises(TemporaryError) as cut:
            async with guard.call(VENICE, NOBODY, deadline=0.05):
                await asyncio.Event().wait()
        assert cut.value.code == "provider_timeout"
    assert (await seen(database)).failures_in_a_row == 1
