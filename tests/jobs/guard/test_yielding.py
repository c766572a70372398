"""Calls of jobs for which nobody waits leave a few places free, so that an answer in a chat never waits for them."""

from contextlib import AsyncExitStack

from jobs.db.session import Database
from jobs.guard.call import Caller
from tests.jobs.guard.fleet import VENICE, attempt, opened_guard, other_worker

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
