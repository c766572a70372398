"""What a person in a chat waits for ends some day, and meanwhile they hear why it takes long."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobs import endings, lifecycle
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from jobs.settings import EconomySettings
from sandbox.llm.faults import venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import add_user, chat_texts, execute, job, submit, tickets, to_chat, worker
from tests.jobs.guard.fleet import opened_guard

SAID = {"persona": "lina", "user_message": "Hello"}
SHUT = BreakerRules(threshold=1, first_open=300.0, longest_open=600.0)


@pytest.fixture
async def resources(database: Database) -> AsyncIterator[Resources]:
    """A language model that is down, behind a breaker that its first failure opens for minutes."""
    llm = ScriptedLlm(lambda body: "Hello back.")
    llm.fail_next(venice_refusal(503))
    async with serving(llm.app) as url, worker(database, llm=url) as opened, opened_guard(database, SHUT) as guard:
        async with database.transaction() as connection:
            await add_user(connection)
        yield replace(opened, guard=guard)


async def run_twice(resources: Resources, made: Job) -> Job:
    """The first run opens the breaker, the second one finds it open."""
    for _ in range(2):
        await lifecycle.run_job(resources, made.id)
    return await job(resources.database, made.id)


async def due(database: Database) -> list[datetime]:
    return [each["scheduled_at"] for each in await tickets(database) if each["scheduled_at"]]


async def test_nobody_said_a_word_while_the_model_was_away(resources: Resources, database: Database) -> None:
    made = await submit(resources, "generate_reply", SAID, destination=to_chat())
    waiting = await run_twice(resources, made)
    assert (waiting.status, waiting.failures) == ("processing", 1)
    assert await chat_texts(database) == [say("en", "delayed")]
    await lifecycle.run_job(resources, made.id)
    assert await chat_texts(database) == [say("en", "delayed")], "said once is enough"
    quiet = {"telegram": {**to_chat()["telegram"], "quiet": True}}
    await run_twice(resources, await submit(resources, "generate_reply", SAID, destination=quiet))
    assert len(await chat_texts(database)) == 1


async def test_an_answer_waited_for_a_dead_model_for_ever(resources: Resources, database: Database) -> None:
    resources.intake.wallet = Wallet(EconomySettings(price_reply=3, energy_max=10, _env_file=None))
    made = await submit(resources, "generate_reply", SAID, destination=to_chat())
    assert made.deadline is not None
    assert made.deadline - datetime.now(UTC) <= timedelta(hours=24)
    await run_twice(resources, made)
    await execute(database, "UPDATE jobs SET deadline = now() - interval '1 second'")
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "expired"
    assert say("en", "expired") in (await chat_texts(database))[-1]
    async with database.transaction() as connection:
        assert (await resources.intake.wallet.standing(connection, 7, "energy")).balance == 10
    assert (await submit(resources, "generate_reply", SAID, owner="key:1")).deadline is None, "a program says it itself"
    assert (await submit(resources, "erase_person", {"user_id": 7}, owner="telegram:bot")).deadline is None


async def test_a_job_overslept_its_deadline_between_two_tries(resources: Resources, database: Database) -> None:
    """Its next try was due after the breaker's minutes, and nobody looked at the deadline before."""
    soon = datetime.now(UTC) + timedelta(seconds=60)
    made = await submit(resources, "generate_reply", SAID, deadline=soon, owner="key:1")
    await run_twice(resources, made)
    assert max(await due(database)) == soon


async def test_one_that_cannot_be_expired_held_up_nobody_else(resources: Resources, database: Database) -> None:
    """Each ends in a transaction of its own: purses and dialogs are not held from one job to the next."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    made = [await submit(resources, "generate_reply", SAID, deadline=past, destination=to_chat()) for _ in range(2)]
    await endings.expire_overdue(resources)
    query = "SELECT count(DISTINCT xid) FROM job_events WHERE type = 'job.expired'"
    async with database.transaction() as connection:
        assert (await connection.exec_driver_sql(query)).scalar_one() == len(made)
