"""A dialog is answered once for everything that was written, in order, and never left waiting."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs import lifecycle
from jobs.db.dialog import dialogs
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from sandbox.llm.faults import venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import Door, all_jobs, chat_texts, execute, job, opened_door, rows, tickets, value, worker


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm()


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        yield opened


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    async with opened_door(database_url) as opened:
        yield opened


async def open_jobs(database: Database) -> list[Job]:
    """Those that answer: a summary of what was said long ago is awaited by nobody."""
    found = [each for each in await all_jobs(database) if each.kind == "generate_reply"]
    return [each for each in found if each.status in ("pending", "processing")]


async def reply_job(database: Database) -> UUID | None:
    found: UUID | None = await value(database, "SELECT reply_job_id FROM dialogs")
    return found


def said(llm: ScriptedLlm, number: int = -1) -> list[tuple[str, str]]:
    """The conversation that a request showed to the model, without the system prompt."""
    return [(each["role"], each["content"]) for each in llm.requests[number].messages[1:]]


async def started(resources: Resources, llm: ScriptedLlm, job_id: UUID) -> "asyncio.Task[None]":
    llm.pause()
    running = asyncio.create_task(lifecycle.run_job(resources, job_id))
    await llm.wait_for_requests(len(llm.requests) + 1)
    return running


async def test_two_messages_during_a_reply_are_answered_once_together_in_order(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.say(["First answer.", "Second answer."])
    await door.says("One")
    [first] = await all_jobs(database)
    running = await started(resources, llm, first.id)
    await door.says("Two")
    await door.says("Three")
    assert await open_jobs(database) == [await job(database, first.id)], "no further job while one is open"
    llm.resume()
    await running

    [following] = await open_jobs(database)
    assert following.input["user_message"] == "Two\nThree"
    assert await reply_job(database) == following.id, "what comes now belongs to it"
    await lifecycle.run_job(resources, following.id)

    assert await open_jobs(database) == []
    assert await reply_job(database) is None
    assert said(llm) == [("user", "One"), ("assistant", "First answer."), ("user", "Two"), ("user", "Three")]
    assert await chat_texts(database) == ["First answer.", "Second answer."]


async def test_the_model_is_asked_last_what_the_person_wrote_last(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """The answer to "One" is stored after "Two" came: shown in the order of storing, the model would be asked to
    go on after its own words, and "Two" would look answered."""
    await door.says("One")
    [first] = await all_jobs(database)
    running = await started(resources, llm, first.id)
    await door.says("Two")
    llm.resume()
    await running
    [following] = await open_jobs(database)
    await lifecycle.run_job(resources, following.id)
    assert said(llm) == [("user", "One"), ("assistant", "One"), ("user", "Two")]


async def test_the_follow_up_goes_the_same_way_as_the_first(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("One", language="ru")
    [first] = await all_jobs(database)
    running = await started(resources, llm, first.id)
    await door.says("Two", language="ru")
    llm.resume()
    await running
    [following] = await open_jobs(database)
    same = ("kind", "owner", "queue", "priority", "dialog_id", "destination")
    assert {name: getattr(following, name) for name in same} == {name: getattr(first, name) for name in same}
    waiting = {each["id"]: each["priority"] for each in await tickets(database)}
    assert waiting[following.ticket_id or 0] == waiting[first.ticket_id or 0]


async def test_messages_that_come_while_the_job_is_pending_are_part_of_it(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    for words in ("One", "Two", "Three"):
        await door.says(words)
    [only] = await all_jobs(database)
    await lifecycle.run_job(resources, only.id)
    assert said(llm) == [("user", "One"), ("user", "Two"), ("user", "Three")]
    assert await open_jobs(database) == []
    assert await reply_job(database) is None


async def test_messages_that_come_between_two_tries_are_part_of_it(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.fail_next(venice_refusal(503))
    await door.says("One")
    [only] = await all_jobs(database)
    await lifecycle.run_job(resources, only.id)
    await door.says("Two")
    await lifecycle.run_job(resources, only.id)
    assert said(llm) == [("user", "One"), ("user", "Two")]
    assert len(await all_jobs(database)) == 1


async def test_a_conversation_is_remembered(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    for words in ("One", "Two"):
        await door.says(words)
        [current] = await open_jobs(database)
        await lifecycle.run_job(resources, current.id)
    assert said(llm) == [("user", "One"), ("assistant", "One"), ("user", "Two")]
    assert llm.requests[0].messages[0]["content"].strip().startswith("You are Lina")


async def test_messages_during_the_follow_up_get_one_more(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("0")
    for number in range(1, 4):
        [current] = await open_jobs(database)
        running = await started(resources, llm, current.id)
        await door.says(str(number))
        llm.resume()
        await running
    [last] = await open_jobs(database)
    await lifecycle.run_job(resources, last.id)
    assert await open_jobs(database) == []
    assert await chat_texts(database) == ["0", "1", "2", "3"]


async def test_many_messages_at_the_moment_of_the_answer_are_never_left_unanswered(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("0")
    [first] = await all_jobs(database)
    await asyncio.gather(lifecycle.run_job(resources, first.id), *(door.says(str(n)) for n in range(1, 9)))
    while current := await open_jobs(database):
        assert len(current) == 1
        await lifecycle.run_job(resources, current[0].id)
    shown = [
        message["content"] for request in llm.requests for message in request.messages if message["role"] == "user"
    ]
    assert {str(n) for n in range(9)} <= set(shown)
    assert await reply_job(database) is None


async def test_a_message_that_is_being_stored_while_the_answer_is_stored_is_not_overlooked(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """Its transaction has seen the open reply and makes no job of its own, so the reply must wait for it and see it."""
    await door.says("One")
    [first] = await all_jobs(database)
    async with database.transaction() as connection:
        dialog = await dialogs.add_user_message(connection, first.dialog_id or 0, "Two", uuid4())
        assert dialog is not None
        assert dialog.reply_job_id == first.id
        running = asyncio.create_task(lifecycle.run_job(resources, first.id))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not await rows(database, waiting):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)
    await running
    [following] = await open_jobs(database)
    assert following.input["user_message"] == "Two"


async def test_nine_long_messages_during_a_reply(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """Together they are longer than one message of an input may be, and the answer must not be lost for that."""
    await door.says("One")
    [first] = await all_jobs(database)
    running = await started(resources, llm, first.id)
    for number in range(9):
        await door.says(f"{number}" * 4000)
    llm.resume()
    await running
    assert (await job(database, first.id)).status == "completed"
    [following] = await open_jobs(database)
    await lifecycle.run_job(resources, following.id)
    assert (await job(database, following.id)).status == "completed"


async def test_a_very_long_answer_in_the_history_is_no_hindrance(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.say(["x" * 40_000, "Fine."])
    for words in ("One", "Two"):
        await door.says(words)
        [current] = await open_jobs(database)
        await lifecycle.run_job(resources, current.id)
    assert [each.status for each in await all_jobs(database) if each.kind == "generate_reply"] == ["completed"] * 2
    assert (await chat_texts(database))[-1] == "Fine."


async def test_only_as_much_of_a_long_history_is_shown_as_fits(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("/start lina")
    await execute(
        database,
        "INSERT INTO chat_messages (dialog_id, role, content) SELECT d.id, 'user', repeat('я', 1000) || n"
        " FROM dialogs d, generate_series(1, 200) n",
    )
    await door.says("Now?")
    [current] = await open_jobs(database)
    await lifecycle.run_job(resources, current.id)
    shown = said(llm)
    assert shown[-1] == ("user", "Now?")
    assert shown[-2][1].endswith("200")
    assert 5000 < sum(len(content) for _, content in shown) <= 7500


@pytest.mark.parametrize("end", ["failed", "cancelled pending", "cancelled running", "expired"])
async def test_a_reply_that_ends_without_an_answer_frees_its_dialog(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm, end: str
) -> None:
    await door.says("One")
    [first] = await all_jobs(database)
    if end == "failed":
        llm.fail_next(venice_refusal(404))
        await lifecycle.run_job(resources, first.id)
    elif end == "expired":
        await execute(database, "UPDATE jobs SET deadline = now() - interval '1 second'")
        await lifecycle.run_job(resources, first.id)
    else:
        running = await started(resources, llm, first.id) if end == "cancelled running" else None
        async with database.transaction() as connection:
            await resources.intake.cancel(connection, first.id, first.owner)
        if running:
            running.cancel()
            await running
        llm.resume()
    assert (await job(database, first.id)).status == end.split()[0]
    assert await reply_job(database) is None

    await door.says("Two")
    [second] = await open_jobs(database)
    await lifecycle.run_job(resources, second.id)
    assert said(llm) == [("user", "One"), ("user", "Two")], "what was left unanswered is answered now"


async def test_the_end_of_an_old_reply_does_not_free_the_dialog_of_a_newer_one(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("One")
    [first] = await all_jobs(database)
    newer = await value(database, "UPDATE dialogs SET reply_job_id = gen_random_uuid() RETURNING reply_job_id")
    llm.fail_next(venice_refusal(422, "openai"))
    await lifecycle.run_job(resources, first.id)
    assert await reply_job(database) == newer


async def test_a_run_that_is_repeated_after_a_crash_stores_one_answer(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("One")
    [first] = await all_jobs(database)
    await asyncio.gather(lifecycle.run_job(resources, first.id), lifecycle.run_job(resources, first.id))
    stored: list[dict[str, Any]] = await rows(database, "SELECT role, content FROM chat_messages ORDER BY id")
    assert stored == [{"role": "user", "content": "One"}, {"role": "assistant", "content": "One"}]
