"""A job in a worker: claimed once, ended once, whatever goes wrong in between."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs import lifecycle
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.kinds import generate_reply
from jobs.resources import Resources
from sandbox.llm.answers import Answer
from sandbox.llm.faults import Refusal, venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import chat_texts, execute, job, rows, submit, tickets, to_chat, value, worker

ATTEMPTS = generate_reply.ATTEMPTS
OVERLOADED = venice_refusal(503)


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm(lambda body: "Hello back.")


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        yield opened


async def new_job(resources: Resources, **more: Any) -> Job:
    given = {"persona": "lina", "user_message": "Hello"}
    return await submit(resources, "generate_reply", given, **{"destination": to_chat(), **more})


async def events(database: Database, job_id: UUID) -> list[str]:
    found = await rows(database, "SELECT seq, type FROM job_events WHERE job_id = :id ORDER BY seq", id=job_id)
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    return [event["type"].removeprefix("job.") for event in found]


async def deliver_tickets(database: Database) -> list[dict[str, Any]]:
    return [ticket for ticket in await tickets(database) if ticket["task_name"] == "deliver"]


async def run_tickets(database: Database) -> list[dict[str, Any]]:
    return [ticket for ticket in await tickets(database) if ticket["task_name"] == "run_job"]


async def started(resources: Resources, llm: ScriptedLlm, made: Job) -> "asyncio.Task[None]":
    """A run that waits for its language model."""
    llm.pause()
    running = asyncio.create_task(lifecycle.run_job(resources, made.id))
    await llm.wait_for_requests(len(llm.requests) + 1)
    return running


async def test_result_event_and_delivery_come_together(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    await lifecycle.run_job(resources, made.id)
    done = await job(database, made.id)
    assert (done.status, done.result) == ("completed", {"reply": "Hello back.", "dialog_id": None})
    assert done.usage["completion_tokens"] == 2
    assert (done.attempt, done.failures, done.run_token, done.error) == (1, 0, None, None)
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.expires_at is not None
    assert done.expires_at - done.finished_at == timedelta(seconds=resources.result_ttl)
    assert await events(database, made.id) == ["created", "started", "completed"]
    assert await chat_texts(database) == ["Hello back."]
    [delivery] = await rows(database, "SELECT job_id, key, status FROM deliveries")
    assert (delivery["job_id"], delivery["status"]) == (made.id, "pending")
    assert len(await deliver_tickets(database)) == 1


async def test_a_second_run_of_the_same_job_does_nothing(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    await lifecycle.run_job(resources, made.id)
    first = await job(database, made.id)
    await lifecycle.run_job(resources, made.id)
    assert await job(database, made.id) == first
    assert len(llm.requests) == 1
    assert len(await deliver_tickets(database)) == 1


async def test_a_job_that_does_not_exist_any_more_is_no_trouble(resources: Resources) -> None:
    await lifecycle.run_job(resources, uuid4())


async def test_two_runs_at_the_same_time_end_it_once(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    await asyncio.gather(*(lifecycle.run_job(resources, made.id) for _ in range(4)))
    assert (await job(database, made.id)).status == "completed"
    assert (await events(database, made.id)).count("completed") == 1
    assert len(await deliver_tickets(database)) == 1


async def test_the_result_of_a_run_that_lost_its_job_is_refused(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.say(["From the first run.", "From the second run."])
    made = await new_job(resources)
    slow = await started(resources, llm, made)
    llm.gate = asyncio.Event()  # the first request waits at the old gate
    old_gate_opens = llm.gate
    async with database.transaction() as connection:
        taken = await job_rows.claim(connection, made.id, uuid4())
    assert taken is not None
    old_gate_opens.set()
    llm.resume()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    held = await job(database, made.id)
    assert held.run_token == taken.run_token, "nor may it give back what another run holds"
    assert (held.status, held.attempt) == ("processing", 2)


async def test_a_late_result_is_refused_after_another_claim(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    slow = await started(resources, llm, made)
    async with database.transaction() as connection:
        taken = await job_rows.claim(connection, made.id, uuid4())
    llm.resume()
    await slow
    assert taken is not None
    held = await job(database, made.id)
    assert (held.status, held.run_token, held.result) == ("processing", taken.run_token, None)
    assert await chat_texts(database) == []


@pytest.mark.parametrize("fault", [OVERLOADED, Refusal(500, "broken")], ids=["in words", "a page"])
async def test_a_temporary_error_makes_one_ticket_in_the_future(
    resources: Resources, database: Database, llm: ScriptedLlm, fault: Refusal
) -> None:
    llm.fail_next(fault)
    made = await new_job(resources, priority=7)
    before = datetime.now(UTC)
    await execute(database, "UPDATE procrastinate_jobs SET status = 'doing'")
    await lifecycle.run_job(resources, made.id)
    waiting = await job(database, made.id)
    assert (waiting.status, waiting.failures, waiting.attempt, waiting.run_token) == ("processing", 1, 1, None)
    [old, new] = await run_tickets(database)
    assert (new["id"], new["queue_name"], new["priority"]) == (waiting.ticket_id, "llm", old["priority"])
    assert new["id"] != old["id"]
    assert timedelta(seconds=0.4) < new["scheduled_at"] - before < timedelta(seconds=10)
    assert await events(database, made.id) == ["created", "started", "retrying"]
    retrying = await value(database, "SELECT data FROM job_events WHERE type = 'job.retrying'")
    assert retrying["error"]["retryable"] is True
    assert await chat_texts(database) == [], "the person is told only when it is over"


async def test_the_wait_that_the_other_side_asked_for(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.fail_next(venice_refusal(429, retry_after=45))
    made = await new_job(resources)
    before = datetime.now(UTC)
    await lifecycle.run_job(resources, made.id)
    due = (await run_tickets(database))[-1]["scheduled_at"]
    assert timedelta(seconds=44) < due - before < timedelta(seconds=60)


async def test_it_completes_after_failures(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    llm.fail_next(*[OVERLOADED] * (ATTEMPTS - 1))
    made = await new_job(resources)
    for _ in range(ATTEMPTS):
        await lifecycle.run_job(resources, made.id)
    done = await job(database, made.id)
    assert (done.status, done.failures, done.attempt) == ("completed", ATTEMPTS - 1, ATTEMPTS)


@pytest.mark.parametrize("locale", ["en", "ru"])
async def test_after_so_many_failures_it_ends_and_the_chat_is_told(
    resources: Resources, database: Database, llm: ScriptedLlm, locale: str
) -> None:
    llm.fail_always(OVERLOADED)
    made = await new_job(resources, destination=to_chat(locale=locale))
    for _ in range(ATTEMPTS + 1):
        await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error["retryable"], ended.error["blame"]) == (True, "upstream")
    assert "503" in ended.error["detail"]
    assert len(llm.requests) == ATTEMPTS
    assert len(await run_tickets(database)) == ATTEMPTS, "the first one and one for each try again"
    assert await chat_texts(database) == [say(locale, "failed.generate_reply")]


async def test_a_permanent_error_ends_it_at_once(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    llm.fail_next(venice_refusal(422, "openai"))
    made = await new_job(resources)
    await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error["code"], ended.error["blame"]) == ("content_blocked", "client")
    assert len(await run_tickets(database)) == 1
    assert await chat_texts(database) == [say("en", "failed.content_blocked")]


async def test_a_job_without_a_chat_tells_no_chat(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    made = await new_job(resources, destination={})
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"
    assert await rows(database, "SELECT * FROM deliveries") == []


async def test_a_kind_that_this_release_does_not_know(resources: Resources, database: Database) -> None:
    made = await new_job(resources)
    await execute(database, "UPDATE jobs SET kind = 'yesterdays_kind'")
    await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "unknown_kind"
    assert await chat_texts(database) == [say("en", "failed.other")]


async def test_an_input_that_is_not_valid_any_more(resources: Resources, database: Database) -> None:
    made = await new_job(resources)
    await execute(database, """UPDATE jobs SET input = '{"user_message": ""}'""")
    await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "invalid_input"
    assert {error["pointer"] for error in ended.error["errors"]} >= {"/input/user_message"}


async def test_a_mistake_of_ours_is_tried_again_and_never_shown(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """A completion of a wrong shape inside of our own code, as a bug would be."""

    class Broken:
        context_tokens = 100

        async def complete(self, *given: object, **more: object) -> None:
            raise RuntimeError("secret-of-the-house")

    resources.models["REPLY_LLM"] = Broken()  # type: ignore[assignment]  # what is not a model is the point
    made = await new_job(resources)
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).failures == 1
    for _ in range(ATTEMPTS):
        await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error["code"], ended.error["blame"]) == ("internal_error", "platform")
    assert "secret-of-the-house" not in str(ended.error)
    assert "secret-of-the-house" not in str(await rows(database, "SELECT data FROM job_events"))


async def test_a_job_whose_deadline_has_passed(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    made = await new_job(resources, deadline=datetime.now(UTC) - timedelta(seconds=1))
    await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "expired"
    assert ended.error is not None
    assert ended.error["code"] == "deadline_passed"
    assert llm.requests == []
    assert await chat_texts(database) == [say("en", "expired")]


async def test_a_deadline_in_the_future_is_no_hindrance(resources: Resources, database: Database) -> None:
    made = await new_job(resources, deadline=datetime.now(UTC) + timedelta(minutes=1))
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"


async def test_a_job_that_always_takes_its_worker_down_ends(resources: Resources, database: Database) -> None:
    made = await new_job(resources)
    await execute(database, f"UPDATE jobs SET attempt = {lifecycle.MOST_STARTS}")
    await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "crashes_worker"


async def test_a_crash_between_claim_and_result_runs_it_again(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    async with database.transaction() as connection:
        await job_rows.claim(connection, made.id, uuid4())  # and then the worker was gone
    await lifecycle.run_job(resources, made.id)
    done = await job(database, made.id)
    assert (done.status, done.attempt, done.failures) == ("completed", 2, 0)
    assert await events(database, made.id) == ["created", "started", "started", "completed"]
    assert len(await deliver_tickets(database)) == 1


@pytest.mark.parametrize(
    "words",
    ["zero \x00 byte", "half \ud83d character", "🦊" * 9000, "x" * 40_000],
    ids=["zero byte", "half character", "many emoji", "very long"],
)
async def test_whatever_the_model_says_the_job_ends_and_the_chat_hears(
    resources: Resources, database: Database, llm: ScriptedLlm, words: str
) -> None:
    """What PostgreSQL cannot store must not run the model again and again."""
    llm.fail_next(Refusal(200, json.dumps({"choices": [{"message": {"content": words}}]})))
    made = await new_job(resources)
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status in ("completed", "failed")
    assert await chat_texts(database) != []


async def test_an_answer_of_nothing_is_tried_again(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    llm.say([Answer(" \n "), Answer("Now.")])
    made = await new_job(resources)
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).failures == 1
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).result == {"reply": "Now.", "dialog_id": None}


async def test_log_lines_of_a_job_do_not_leak_into_the_next(resources: Resources) -> None:
    import structlog

    await lifecycle.run_job(resources, (await new_job(resources)).id)
    assert "job_id" not in structlog.contextvars.get_contextvars()


async def test_waiting_for_a_server_that_is_away_is_never_taken_for_a_job_that_kills_workers(
    database: Database,
) -> None:
    """Each look at a lane that was down counted as a start, and after twenty of them the picture was given up."""
    async with worker(database, comfyui="127.0.0.1:9") as resources:
        made = await submit(resources, "generate_image", {"prompt": "a fox"})
        for _ in range(lifecycle.MOST_STARTS + 3):
            await lifecycle.run_job(resources, made.id)
    now = await job(database, made.id)
    assert (now.status, now.failures) == ("processing", 0)
