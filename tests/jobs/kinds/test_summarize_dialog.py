"""A long dialog keeps its thread: what is said goes into a summary in time, once, and nothing is lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import lifecycle
from jobs.db.dialog import dialog_history, dialog_summaries
from jobs.db.dialog.dialog_history import StoredMessage
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.kinds.generate_reply import Input as ReplyInput
from jobs.kinds.summarize_dialog import LONGEST_SUMMARY, foldable
from jobs.resources import Resources
from sandbox.llm.faults import venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import Door, all_jobs, chat_texts, execute, job, opened_door, rows, submit, worker

# characters that fit into the window of the model: tests.factories.chat_model
ROOM = 7500
NOTES = "Anna keeps bees in Riga and is afraid of thunder."


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm(answers=lambda body: NOTES if is_summary(body) else "I see.")


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        yield opened


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    async with opened_door(database_url) as opened:
        yield opened


def is_summary(body: dict[str, Any]) -> bool:
    return bool(body["messages"][0]["content"].startswith("You keep the notes"))


async def run_open(resources: Resources, *kinds: str) -> list[Job]:
    """Jobs of these kinds, until there are no more of them; all of them as they ended."""
    done = []
    while found := [each for each in await open_jobs(resources.database) if each.kind in kinds]:
        for each in found:
            await lifecycle.run_job(resources, each.id)
            done.append(await job(resources.database, each.id))
    return done


async def open_jobs(database: Database) -> list[Job]:
    return [each for each in await all_jobs(database) if each.status in ("pending", "processing")]


async def talk(door: Door, resources: Resources, words: str) -> None:
    await door.says(words)
    await run_open(resources, "generate_reply")


async def fill(database: Database, count: int, length: int = 200) -> None:
    """So many exchanges of the past, in the person's only dialog."""
    await execute(
        database,
        "DO $$ DECLARE asked bigint; BEGIN FOR n IN 1.."
        f"{count} LOOP INSERT INTO chat_messages (dialog_id, role, content) SELECT id, 'user', 'Q' || n ||"
        f" repeat('.', {length}) FROM dialogs RETURNING id INTO asked; INSERT INTO chat_messages"
        " (dialog_id, role, content, answers) SELECT id, 'assistant', 'A' || n, asked FROM dialogs;"
        " END LOOP; END $$",
    )


async def dialog(database: Database) -> dict[str, Any]:
    [found] = await rows(database, "SELECT * FROM dialogs")
    return found


async def test_what_no_longer_fits_is_summarised_and_the_reply_knows_it(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await talk(door, resources, "I keep bees in Riga")
    assert [each.kind for each in await all_jobs(database)] == ["generate_reply"], "a short one is shown whole"
    await fill(database, 30)
    await talk(door, resources, "Do you remember?")
    [summary] = await open_jobs(database)
    assert (summary.kind, summary.queue, summary.destination, summary.owner) == (
        "summarize_dialog", "llm", {}, "telegram:7",
    )  # fmt: skip
    assert summary.priority < 0, "whoever waits for an answer goes first"
    await talk(door, resources, "And now?")
    assert await open_jobs(database) == [summary], "never two at once"

    done = (await run_open(resources, "summarize_dialog"))[0]
    assert done.status == "completed"
    assert done.result is not None
    folded = llm.requests[-1].messages[-1]["content"]
    assert "The other person: I keep bees in Riga\nLina: I see.\nThe other person: Q1." in folded
    assert len(folded) < ROOM * 1.2
    state = await dialog(database)
    assert state["summary"] == NOTES

    await talk(door, resources, "What do you know of me?")
    system, *shown = llm.requests[-1].messages
    assert NOTES in system["content"]
    read = [each["content"] for each in shown]
    assert read[-1] == "What do you know of me?"
    everything = await rows(database, "SELECT content FROM chat_messages ORDER BY coalesce(answers, id), id")
    left = [row["content"] for row in everything][done.result["folded"] :][: len(read)]
    assert read == left, "the rest follows on the summary without a gap and without a repetition"
    assert len(system["content"]) + sum(map(len, read)) < ROOM + 3000
    assert await chat_texts(database) == ["I see."] * 4, "nobody is told of the summary"


async def test_a_dialog_of_three_hundred_messages_costs_a_bounded_prompt(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("/start lina")
    await fill(database, 300, 700)
    llm.say(lambda body: "n" * 9000 if is_summary(body) else "I see.")
    for number in range(1, 4):
        await talk(door, resources, f"Message {number}")
        [done] = await run_open(resources, "summarize_dialog")
        assert done.status == "completed"
    assert all(sum(len(each["content"]) for each in request.messages) < ROOM * 1.5 for request in llm.requests)
    assert len((await dialog(database))["summary"]) <= LONGEST_SUMMARY
    folded = [
        each.result["folded"] for each in await all_jobs(database) if each.kind == "summarize_dialog" and each.result
    ]
    assert all(folded), "each goes on where the one before it ended"
    async with database.transaction() as connection:
        history = await dialog_history.read(connection, (await dialog(database))["id"], ROOM)
    assert history is not None
    assert sum(len(each.content) for each in history.newest[1:]) < ROOM, "the database does not send what is not shown"


async def test_a_summary_that_fails_harms_nothing_and_is_not_tried_at_once(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("/start lina")
    await fill(database, 40)
    await talk(door, resources, "One")
    llm.fail_always(venice_refusal(404))
    [failed] = await run_open(resources, "summarize_dialog")
    llm.fail_always(None)
    assert failed.status == "failed"
    before = await dialog(database)
    assert (before["summary"], before["summarised_until"]) == ("", 0)
    assert await chat_texts(database) == ["I see."]
    await talk(door, resources, "Two")
    assert await open_jobs(database) == [], "a model that is away is not asked after every message"
    await execute(database, "UPDATE jobs SET finished_at = now() - interval '1 hour' WHERE status = 'failed'")
    await talk(door, resources, "Three")
    [done] = await run_open(resources, "summarize_dialog")
    assert done.status == "completed"


async def test_a_run_that_is_repeated_folds_once(
    door: Door, resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    await door.says("/start lina")
    await fill(database, 40)
    await talk(door, resources, "One")
    [first] = await open_jobs(database)
    dialog_id = (await dialog(database))["id"]
    second = await submit(resources, "summarize_dialog", {"persona": "lina", "dialog_id": dialog_id})
    llm.pause()
    running = [asyncio.create_task(lifecycle.run_job(resources, each.id)) for each in (first, second)]
    await llm.wait_for_requests(3)
    llm.say([NOTES, "Something else."])
    llm.resume()
    await asyncio.gather(*running)
    state = await dialog(database)
    async with database.transaction() as connection:
        assert not await dialog_summaries.fold(
            connection, dialog_id, "Late.", before=0, until=state["summarised_until"]
        )
    assert (await dialog(database))["summary"] == state["summary"]
    assert [(await job(database, each.id)).status for each in (first, second)] == ["completed"] * 2


async def test_a_dialog_that_is_gone(resources: Resources, database: Database, llm: ScriptedLlm) -> None:
    made = await submit(resources, "summarize_dialog", {"dialog_id": 4711})
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).result == {"dialog_id": 4711, "folded": 0}
    assert llm.requests == []


roles = st.lists(st.sampled_from(["user", "assistant"]), max_size=12)


def talked(given: Sequence[str], start: int = 0) -> list[StoredMessage]:
    """Every answer stands at the place of the message before it."""
    messages: list[StoredMessage] = []
    for number, role in enumerate(given, start + 1):
        place = messages[-1].place if role == "assistant" and messages else number
        messages.append(StoredMessage(number, role, "x", place))
    return messages


@given(roles, roles)
def test_what_is_folded_is_answered_and_parted_from_nothing(early: list[str], late: list[str]) -> None:
    before, kept = talked(early), talked(late, start=len(early))
    folded = foldable(before, kept)
    assert list(folded) == before[: len(folded)]
    rest = before[len(folded) :]
    if folded:
        assert all(each.place > folded[-1].place for each in rest), "the place tells exactly what is in the summary"
        assert any(each.role == "assistant" for each in [*before, *kept])
    if "assistant" in early:
        assert folded[-1].role == "assistant"


def test_a_reply_is_still_asked_for_as_before() -> None:
    assert set(ReplyInput.model_fields) == {"persona", "system_prompt", "history", "user_message", "dialog_id"}
