"""A reply is seen while it is written, and may be stopped; and nothing that goes wrong with that costs the reply."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.responses import Response

from jobs import lifecycle
from jobs.companion import draft
from jobs.db.chats.chat_pace import BOT
from jobs.db.session import Database
from jobs.resources import Resources
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import (
    TOKEN,
    USER,
    Door,
    add_user,
    execute,
    job,
    opened_door,
    rows,
    submit,
    to_chat,
    value,
    worker,
)
from tests.jobs.delivery.scripted_telegram import ScriptedTelegram, refusal

LONG = " ".join(f"word{number:03}" for number in range(200))
ASKED = {"persona": "lina", "user_message": "Tell me a story"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "EVERY_SECONDS", 0.05)


@asynccontextmanager
async def opened(database: Database, tmp_path: Path, bot_api: str, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url, bot_api=bot_api, media=tmp_path) as resources:
        async with database.transaction() as connection:
            await add_user(connection)
        yield resources


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the sandbox tells nobody of a draft
            await asyncio.sleep(0.01)


def shown_now(sandbox: Sandbox) -> str:
    current = sandbox.person(USER).chat.current_draft()
    return current.text.text if current else ""


async def reply_of(database: Database) -> str:
    return str(await value(database, "SELECT result->>'reply' FROM jobs"))


async def test_a_reply_is_seen_while_it_is_written_and_its_reader_may_stop_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    llm = ScriptedLlm([f"<think>She wants a story.</think>{LONG}"], piece_delay=0.02)
    async with (
        running_sandbox(TOKEN) as running,
        opened(database, tmp_path, running.url, llm) as resources,
        opened_door(database_url) as door,
    ):
        running.sandbox.add_user("Anna", user_id=USER)
        asked = await submit(resources, "generate_reply", ASKED, destination=to_chat())
        writing = asyncio.create_task(lifecycle.run_job(resources, asked.id))
        await until(lambda: shown_now(running.sandbox))
        first = shown_now(running.sandbox)
        await until(lambda: len(shown_now(running.sandbox)) > len(first))
        assert LONG.startswith(first)
        await press_stop(running.sandbox, door, asked.id.int % draft.LARGEST_ID + 1)
        async with asyncio.timeout(20):
            await writing
        reply = await reply_of(database)
    assert LONG.startswith(reply)
    assert len(first) < len(reply) < len(LONG), "as far as it was written"
    assert await value(database, "SELECT payload->>'text' FROM deliveries") == reply
    ended = await job(database, asked.id)
    assert (ended.status, ended.usage["completion_tokens"] > 0) == ("completed", True)
    assert llm.requests[0].outcome == "client left", "the model writes no more"


async def press_stop(sandbox: Sandbox, door: Door, number: int) -> None:
    """Of another draft first: an old button stops nothing."""
    person = sandbox.person(USER)
    person.stop_draft(number)
    [update] = [each.wire() for each in sandbox.bot().outbox.history if each.kind == "stopped_message_generation"]
    other = {
        **update,
        "update_id": 1,
        "stopped_message_generation": {**update["stopped_message_generation"], "draft_id": 5},
    }
    for each in (other, update, update):
        assert (await door.post(each)).status_code == 200


async def test_an_earlier_run_s_stop_does_not_stop_the_next_one(database: Database, tmp_path: Path) -> None:
    llm = ScriptedLlm([LONG], piece_delay=0.001)
    async with running_sandbox(TOKEN) as running, opened(database, tmp_path, running.url, llm) as resources:
        running.sandbox.add_user("Anna", user_id=USER)
        asked = await submit(resources, "generate_reply", ASKED, destination=to_chat())
        await execute(database, "INSERT INTO draft_stops SELECT id, gen_random_uuid() FROM jobs")
        await lifecycle.run_job(resources, asked.id)
        drafts = running.sandbox.bot().calls.find(method="sendMessageDraft")
    assert await reply_of(database) == LONG
    texts = [call.params["text"] for call in drafts]
    assert texts
    assert all(LONG.startswith(text) for text in texts)
    assert texts == sorted(set(texts), key=len), "each shows more than the one before"
    assert {(call.params["draft_id"], call.params["can_stop"]) for call in drafts} == {(draft.draft_id(asked.id), True)}


@pytest.mark.parametrize(
    ("answer", "who", "seconds"),
    [
        (refusal(404, "Not Found: method not found"), BOT, 6 * 3600),
        (refusal(400, "Bad Request: drafts are not for this chat"), USER, 6 * 3600),
        (refusal(429, "Too Many Requests: retry after 30", retry_after=30), USER, 30),
    ],
    ids=["unknown to the server", "not in this chat", "too many"],
)
async def test_a_server_that_takes_no_drafts_is_left_alone(
    database: Database, tmp_path: Path, answer: Response, who: int, seconds: int
) -> None:
    llm = ScriptedLlm([LONG, LONG], piece_delay=0.002)
    script = ScriptedTelegram(otherwise=answer)
    async with serving(script.app) as url, opened(database, tmp_path, url, llm) as resources:
        for _ in range(2):
            asked = await submit(resources, "generate_reply", ASKED, destination=to_chat())
            await lifecycle.run_job(resources, asked.id)
            assert (await job(database, asked.id)).status == "completed"
    assert len([call for call in script.calls if call.method == "sendMessageDraft"]) == 1
    [left_out] = await rows(
        database,
        "SELECT chat_id, extract(epoch FROM no_drafts_until - now()) AS left FROM chat_pace"
        " WHERE no_drafts_until IS NOT NULL",
    )
    assert left_out["chat_id"] == who
    assert seconds - 25 < left_out["left"] <= seconds
    assert await value(database, "SELECT count(*) FROM chat_pace WHERE paused_until IS NOT NULL") == 0


async def test_a_quick_reply_has_no_draft(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "EVERY_SECONDS", 30)
    script = ScriptedTelegram()
    async with serving(script.app) as url, opened(database, tmp_path, url, ScriptedLlm(["Hi!"])) as resources:
        asked = await submit(resources, "generate_reply", ASKED, destination=to_chat())
        await lifecycle.run_job(resources, asked.id)
    assert await reply_of(database) == "Hi!"
    assert script.calls == []
