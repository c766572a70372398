"""How many calls are under way at a time, in the whole fleet."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import pytest

from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.guard.call import Target
from jobs.guard.guard import Guard
from jobs.guard.refusals import ProviderBusy
from tests.factories import execute, rows, value
from tests.jobs.guard.fleet import NOBODY, VENICE, attempt, call, opened_guard, other_worker, seen, settled

ROOT = Path(__file__).parents[3]
PATIENT = BreakerRules(lease=30.0)
UNDER_WAY = "SELECT count(*) FROM provider_slots WHERE until > now()"

# holds two slots until it is killed
HOLDER = """
import asyncio, sys
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.guard.call import Caller, Target
from jobs.guard.guard import Guard
from jobs.guard.settings import GuardSettings
from jobs.settings import DatabaseSettings

async def main():
    settings = GuardSettings(max_concurrent_llm_requests=2, _env_file=None)
    database = Database(DatabaseSettings(database_url=sys.argv[1], _env_file=None))
    target = Target("venice", "llm", "tiny")
    async with Guard(database, settings, rules=BreakerRules(lease=1.0)) as guard:
        async with guard.call(target, Caller()), guard.call(target, Caller()):
            print("holding", flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


class Crowd:
    """Calls that note how many of them are under way."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0
        self.done = 0

    async def call(self, guard: Guard, target: Target = VENICE) -> None:
        async with guard.call(target, NOBODY):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.01)
            self.now -= 1
            self.done += 1


async def test_never_more_than_the_limit_in_the_whole_fleet(database: Database, database_url: str) -> None:
    limits = {"max_concurrent_llm_requests": 3, "patience": 30.0}
    crowd = Crowd()
    async with (
        opened_guard(database, PATIENT, **limits) as one,
        other_worker(database_url, PATIENT, **limits) as two,
        other_worker(database_url, PATIENT, **limits) as three,
    ):
        await asyncio.gather(*(crowd.call(guard) for guard in (one, two, three) * 15))
        for guard in (one, two, three):
            await settled(guard)
    assert (crowd.most, crowd.done) == (3, 45)
    assert await value(database, UNDER_WAY) == 0


async def test_a_provider_has_a_limit_of_its_own_below_that_of_its_sort(database: Database) -> None:
    limits = {"max_concurrent_llm_requests": 3, "venice_max_concurrent": 1}
    gemini = Target("gemini", "llm", "flash")
    async with opened_guard(database, PATIENT, **limits) as guard, guard.call(VENICE, NOBODY):
        with pytest.raises(ProviderBusy, match="All 1 places for venice"):
            await call(guard)
        async with guard.call(gemini, NOBODY), guard.call(gemini, NOBODY):
            with pytest.raises(ProviderBusy, match="All 3 places for llm"):
                await call(guard, target=gemini)
        now = await seen(database)
        assert (now.in_flight, now.max_concurrent) == (1, None)


async def test_a_call_that_waits_for_its_own_provider_holds_up_no_other(database: Database) -> None:
    limits = {"max_concurrent_llm_requests": 2, "venice_max_concurrent": 1, "patience": 30.0}
    gemini = Target("gemini", "llm", "flash")
    async with opened_guard(database, PATIENT, **limits) as guard, guard.call(VENICE, NOBODY):
        async with guard.call(gemini, NOBODY):
            first = asyncio.create_task(call(guard))
            while len(guard.waiting) < 1:
                await asyncio.wait([first], timeout=0.01)
            second = asyncio.create_task(call(guard, target=gemini))
            while len(guard.waiting) < 2:
                await asyncio.wait([first, second], timeout=0.01)
        await second
        assert not first.done()
        first.cancel()
        await asyncio.wait([first])


async def test_sorts_do_not_take_each_others_places(database: Database) -> None:
    limits = {"max_concurrent_llm_requests": 1, "max_concurrent_image_requests": 1}
    picture = Target("replicate", "image", "flux")
    async with opened_guard(database, PATIENT, **limits) as guard, guard.call(VENICE, NOBODY):
        assert await attempt(guard) == "provider_busy"
        assert await attempt(guard, target=picture) == "well"


async def test_without_a_place_the_job_goes_back_to_the_queue_and_keeps_its_tries(database: Database) -> None:
    async with opened_guard(database, PATIENT, max_concurrent_llm_requests=1) as guard, guard.call(VENICE, NOBODY):
        with pytest.raises(ProviderBusy) as refused:
            await call(guard)
    assert refused.value.forgiven is None
    assert refused.value.retry_in is not None
    assert "All 1 places for llm calls are taken" in refused.value.detail


async def test_a_place_that_this_worker_frees_is_handed_on_at_once(database: Database) -> None:
    """The look at the clock is turned off: only being told helps."""
    limits = {"max_concurrent_llm_requests": 1, "patience": 30.0}
    async with opened_guard(database, PATIENT, **limits) as guard:
        async with guard.call(VENICE, NOBODY):
            waiting = [asyncio.create_task(call(guard)) for _ in range(3)]
            while len(guard.waiting) < 3:
                await asyncio.wait(waiting, timeout=0.01)
        await asyncio.gather(*waiting)
        await settled(guard)
    assert await value(database, UNDER_WAY) == 0


async def test_a_waiting_call_that_is_cancelled_takes_no_place(database: Database) -> None:
    limits = {"max_concurrent_llm_requests": 1, "patience": 30.0}
    async with opened_guard(database, PATIENT, **limits) as guard:
        async with guard.call(VENICE, NOBODY):
            waiting = [asyncio.create_task(call(guard)) for _ in range(2)]
            while len(guard.waiting) < 2:
                await asyncio.wait(waiting, timeout=0.01)
            waiting[0].cancel()
            await asyncio.wait([waiting[0]])
        await waiting[1]
        await settled(guard)
        assert not guard.waiting
    assert await value(database, UNDER_WAY) == 0


async def test_a_call_cancelled_while_it_asks_leaves_nothing_behind(database: Database) -> None:
    async with opened_guard(database, PATIENT) as guard:
        for turns in range(12):
            calling = asyncio.create_task(call(guard))
            for _ in range(turns):
                await asyncio.sleep(0)
            calling.cancel()
            await asyncio.wait([calling])
        await settled(guard)
        assert not guard.ledger.asked
        assert not guard.ledger.leased
        assert guard.local.under_way.total() == 0
    assert await value(database, UNDER_WAY) == 0


async def test_the_places_of_a_killed_worker_come_back_by_time(database: Database, database_url: str) -> None:
    limits = {"max_concurrent_llm_requests": 2, "patience": 20.0}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, database_url, stdout=asyncio.subprocess.PIPE, env=environment
    )
    try:
        assert holder.stdout
        assert await holder.stdout.readline() == b"holding\n"
        async with opened_guard(database, PATIENT, max_concurrent_llm_requests=2) as guard:
            # longer than a lease: while it lives, it keeps them
            for _ in range(8):
                assert await attempt(guard) == "provider_busy"
                await asyncio.sleep(0.2)
        holder.kill()
        async with opened_guard(database, PATIENT, **limits) as guard:
            assert await attempt(guard) == "well"
    finally:
        if holder.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                holder.kill()
        await holder.communicate()


async def test_a_killed_probe_does_not_hold_the_breaker(database: Database) -> None:
    async with opened_guard(database) as guard:
        await call(guard)
        await settled(guard)
        await execute(
            database,
            "UPDATE providers SET open_until = now() - interval '1 s', probe = gen_random_uuid(),"
            " probe_until = now() + interval '1 hour'",
        )
        assert await attempt(guard) == "provider_away"
        await execute(database, "UPDATE providers SET probe_until = now() - interval '1 ms'")
        assert await attempt(guard) == "well"
        await settled(guard)
    assert (await seen(database)).state == "closed"


async def test_a_long_call_keeps_its_place_and_its_right_to_probe(database: Database) -> None:
    rules = BreakerRules(lease=0.6)
    async with opened_guard(database, rules, max_concurrent_llm_requests=1) as guard:
        await call(guard)
        await settled(guard)
        await execute(database, "UPDATE providers SET open_until = now() - interval '1 s'")
        async with guard.call(VENICE, NOBODY) as probe:
            assert probe.entry.is_probe
            first = await value(database, "SELECT probe_until FROM providers")
            while await value(database, "SELECT probe_until FROM providers WHERE pg_sleep(0.05) IS NOT NULL") == first:
                pass
            [slot] = await rows(
                database, "SELECT call, until > now() AS held FROM provider_slots WHERE call IS NOT NULL"
            )
            assert slot == {"call": probe.id, "held": True}


async def test_a_smaller_limit_holds_at_once_and_a_larger_one_too(database: Database) -> None:
    async with opened_guard(database, PATIENT, max_concurrent_llm_requests=3) as guard:
        await guard.announce({("venice", "llm")})
        async with guard.call(VENICE, NOBODY), opened_guard(database, PATIENT, max_concurrent_llm_requests=1) as small:
            assert await attempt(small) == "provider_busy"
            async with opened_guard(database, PATIENT, max_concurrent_llm_requests=5) as large:
                assert await attempt(large) == "well"
