"""Calls of jobs for which nobody waits leave a few places free, so that an answer in a chat never waits for them."""

import asyncio
from contextlib import AsyncExitStack

from jobs.db.session import Database
from jobs.guard.call import Caller
from jobs.guard.guard import Guard
from jobs.guard.settings import GuardSettings
from tests.jobs.guard.fleet import VENICE, attempt, opened_guard, other_worker, settled

STEP = Caller(kind="generate_post", yields=True)


async def test_a_world_takes_four_of_five_places_and_a_reply_enters_at_once(
    database: Database, database_url: str
) -> None:
    async with AsyncExitStack() as held, opened_guard(database) as steps, other_worker(database_url) as replies:
        for _ in range(12):
            await held.enter_async_context(steps.call(VENICE, STEP))
        assert await attempt(steps, caller=STEP) == "provider_busy"
        for _ in range(3):
            await held.enter_async_context(replies.call(VENICE, Caller(kind="generate_reply")))
        assert await attempt(replies) == "provider_busy", "fifteen for all together"


async def test_a_place_that_a_step_frees_goes_to_a_reply_and_not_to_the_next_step(
    database: Database, database_url: str
) -> None:
    """Steps that were there first, in the same worker, took the places that they freed; replies elsewhere starved."""
    async with AsyncExitStack() as held, opened_guard(database, patience=20) as steps:
        replies = await held.enter_async_context(other_worker(database_url))
        step = AsyncExitStack()
        await step.enter_async_context(steps.call(VENICE, STEP))
        for _ in range(11):
            await held.enter_async_context(steps.call(VENICE, STEP))
        for _ in range(3):
            await held.enter_async_context(replies.call(VENICE, Caller(kind="generate_reply")))
        waiting = asyncio.create_task(attempt(steps, caller=STEP))
        await _until_waiting(steps, 1)
        await step.aclose()
        await settled(steps)
        assert await attempt(replies) == "well", "a worker of its own"
        await settled(replies)
        here = AsyncExitStack()
        await here.enter_async_context(replies.call(VENICE, Caller(kind="generate_reply")))
        assert not waiting.done()
        reply = asyncio.create_task(attempt(steps))
        await _until_waiting(steps, 2)
        steps.waiting.hand_on(VENICE)
        assert [each.yields for each in steps.waiting.turns.values()] == [True], "the step goes on waiting"
        await here.aclose()
        assert await reply == "well"
        await held.aclose()
        assert await waiting == "well"


async def _until_waiting(guard: Guard, count: int) -> None:
    while len(guard.waiting) < count:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0.005)


def test_of_few_places_one_is_kept_free_as_well() -> None:
    settings = GuardSettings(max_concurrent_llm_requests=3, _env_file=None)
    assert [settings.limits("venice", "llm", yields=yields).of_sort for yields in (True, False)] == [2, 3]
    alone = GuardSettings(max_concurrent_llm_requests=1, _env_file=None)
    assert alone.limits("venice", "llm", yields=True).of_sort == 1
