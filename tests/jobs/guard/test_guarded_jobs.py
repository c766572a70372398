"""Jobs whose language model goes through the guard: what an outage costs them, and what is written down."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from jobs import lifecycle
from jobs.db.provider import provider_calls
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.errors import TemporaryError
from jobs.guard.call import Caller
from jobs.resources import Resources
from jobs.safety.checked_model import CheckedModel
from sandbox.llm.answers import Answer
from sandbox.llm.faults import venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import execute, job, rows, submit, value, worker
from tests.jobs.guard.fleet import attempt, opened_guard, seen, settled

LASTING = BreakerRules(threshold=3, first_open=60.0, longest_open=600.0, lease=30.0)
DOWN = venice_refusal(503)


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm(lambda body: "Hello back.")


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with (
        serving(llm.app) as url,
        worker(database, llm=url) as opened,
        opened_guard(database, LASTING, max_llm_calls_per_job=5) as guard,
    ):
        yield replace(opened, guard=guard)


async def new_job(resources: Resources, **more: Any) -> Job:
    return await submit(resources, "generate_reply", {"persona": "lina", "user_message": "Hello"}, **more)


async def test_while_the_breaker_is_open_a_job_waits_and_keeps_its_tries(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.fail_always(DOWN)
    unlucky = [await new_job(resources) for _ in range(LASTING.threshold)]
    for each in unlucky:
        await lifecycle.run_job(resources, each.id)
    assert {(await job(database, each.id)).failures for each in unlucky} == {1}, "they met the outage themselves"

    made = await new_job(resources)
    for _ in range(lifecycle.MOST_STARTS + 3):
        await lifecycle.run_job(resources, made.id)
    now = await job(database, made.id)
    assert (now.status, now.failures, now.attempt) == ("processing", 0, 0)
    assert len(llm.requests) == LASTING.threshold, "nobody asked the provider any more"
    due = await value(database, "SELECT extract(epoch FROM max(scheduled_at) - now())::float8 FROM procrastinate_jobs")
    assert 40 < due < 90, "it comes back when the provider is tried again"

    llm.fail_always(None)
    await execute(database, "UPDATE providers SET open_until = now()")
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"
    assert resources.guard
    await settled(resources.guard)
    assert (await seen(database)).state == "closed"


async def test_a_rate_limit_costs_no_try_and_holds_back_the_others(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.fail_next(venice_refusal(429, retry_after=45))
    first, second = await new_job(resources), await new_job(resources)
    await lifecycle.run_job(resources, first.id)
    await lifecycle.run_job(resources, second.id)
    assert len(llm.requests) == 1
    assert [(await job(database, each.id)).failures for each in (first, second)] == [0, 0]
    assert 40 < (await seen(database)).cooling <= 45


async def test_a_job_that_has_spent_its_budget_ends_in_words(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """However often its model gave it an empty answer, and whoever retries it."""
    llm.say([Answer(" ")] * 10)
    made = await new_job(resources)
    await execute(database, f"INSERT INTO job_calls (root_id, sort, calls) VALUES ('{made.id}', 'llm', 4)")
    bound = resources.for_run(made)
    await lifecycle.run_job(bound, made.id)
    await lifecycle.run_job(bound, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error["code"], ended.error["retryable"]) == ("budget_spent", False)
    assert "MAX_LLM_CALLS_PER_JOB" in ended.error["detail"]
    assert len(llm.requests) == 1


async def test_what_a_run_asked_is_written_with_what_came_of_it(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.fail_next(DOWN)
    made = await new_job(resources)
    for _ in range(2):
        await lifecycle.run_job(resources, made.id)
    async with database.transaction() as connection:
        newest, oldest = await provider_calls.page(connection, 10)
        assert await provider_calls.page(connection, 10, errors=True, provider="venice") == [oldest]
        assert await provider_calls.page(connection, 10, before=newest.id, job_id=made.id) == [oldest]
    assert (newest.outcome, newest.completion_tokens, newest.error) == ("success", 2, None)
    assert (oldest.outcome, oldest.completion_tokens, oldest.status_code) == ("transient", None, 503)
    assert oldest.error is not None
    assert "503" in oldest.error
    for each in (newest, oldest):
        assert (each.provider, each.sort, each.kind, each.job_id) == ("venice", "llm", "generate_reply", made.id)
        assert each.latency_ms >= 0
        assert each.model == "scripted"
    assert (await seen(database)).windows[0].calls == 2


async def test_a_stream_is_one_call(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    bound = resources.for_run(await new_job(resources))
    pieces = [piece async for piece in bound.reply_llm.stream("You are a test.", [], max_tokens=10)]
    assert "".join(piece for piece in pieces if isinstance(piece, str)) == "Hello back."
    [call] = bound.calls
    assert (call.outcome, call.completion_tokens) == ("success", 2)


async def test_a_stream_that_nobody_reads_to_its_end_gives_its_place_back(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    bound = resources.for_run(await new_job(resources))
    stream = bound.reply_llm.stream("You are a test.", [], max_tokens=10)
    assert await anext(stream)
    assert (await seen(database)).in_flight == 1
    await stream.aclose()
    assert resources.guard
    await settled(resources.guard)
    assert (await seen(database)).in_flight == 0
    assert [call.outcome for call in bound.calls] == ["cancelled"]
    assert (await seen(database)).failures_in_a_row == 0


async def test_without_a_guard_nothing_is_counted(database: Database, llm: ScriptedLlm) -> None:
    async with serving(llm.app) as url, worker(database, llm=url) as plain:
        bound = plain.for_run(await new_job(plain))
        checked = bound.reply_llm
        assert isinstance(checked, CheckedModel)
        assert checked.unchecked is plain.models["REPLY_LLM"]
    assert await rows(database, "SELECT * FROM providers") == []


async def test_secrets_do_not_reach_the_log(database: Database) -> None:
    caller = Caller()
    words = "It said: Bearer sk-abcdef123456 at https://u:pw@host/?key=AIzaSyA1234567890 token=xyz123"
    async with opened_guard(database) as guard:
        await attempt(guard, TemporaryError(words), caller=caller)
    told = f"{caller.calls[0].error} {(await seen(database)).failure}"
    for secret in ("sk-abcdef", "u:pw", "AIza", "xyz123"):
        assert secret not in told
