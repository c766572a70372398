"""What the door does with files that people send to be compared, before anything is fetched."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest

from jobs import housekeeping
from jobs.companion.wording import say
from jobs.db.session import Database
from tests.factories import (
    USER,
    Door,
    Json,
    all_jobs,
    chat_payloads,
    chat_texts,
    execute,
    message,
    opened_door,
    rows,
    sender,
    value,
)
from tests.jobs.analysis.comparing import document
from tests.webhook.pressing import buttons, press

MEGABYTE = 1024 * 1024
NUMBERS = count(1)
STATUS = "SELECT status FROM chat_analyses ORDER BY created_at DESC LIMIT 1"
FILES = "SELECT number, file_name, error->>'code' AS code FROM chat_analysis_files ORDER BY number"


@pytest.fixture
async def door(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setenv("PUBLIC_URL", "https://bot.example.com/")
    monkeypatch.setenv("CHAT_OPEN_JOBS", "2")
    monkeypatch.setenv("PRICE_ANALYSIS", "40")
    monkeypatch.setenv("DIAMONDS_START", "70")
    async with opened_door(database_url) as opened:
        yield opened


async def send(door: Door, name: str, *, size: int = 1000, unique: str = "", user: int = USER, **more: Any) -> None:
    number = next(NUMBERS)
    file: Json = {"file_id": f"f{number}", "file_unique_id": unique or f"u{number}", "file_name": name}
    file |= {"file_size": size} if size else {}
    sent = await door.post(door.update("message", message(sender(user), document=file, **more)))
    assert sent.status_code == 200


async def panel(database: Database) -> Json:
    return [each for each in await chat_payloads(database) if "Documents to compare" in each.get("text", "")][-1]


async def data(database: Database, end: str) -> str:
    return next(each for each in buttons(await panel(database)) if each.endswith(f":{end}"))


async def test_an_album_whose_caption_stands_below_its_last_file(door: Door, database: Database) -> None:
    for name in ("a.pdf", "b.pdf"):
        await send(door, name, media_group_id="1")
    assert say("en", "analysis.offered") in (await panel(database))["text"]
    assert await all_jobs(database) == [], "nothing is fetched that nobody asked for"
    await door.says("Hello")
    assert [job.kind for job in await all_jobs(database)] == ["generate_reply"], "the conversation goes on"
    await send(door, "c.pdf", media_group_id="1", caption="/analyze@bot which prices?")
    kinds = [job.kind for job in await all_jobs(database)]
    assert kinds == ["generate_reply", "fetch_chat_documents"], "one job for all of them"
    shown = (await panel(database))["text"]
    assert [line for line in shown.splitlines() if "on its way" in line] == [
        f"{number}. {name}.pdf — on its way" for number, name in enumerate("abc", start=1)
    ]
    assert "Question: which prices?" in shown
    assert len(await chat_payloads(database)) == 1, "what has not left yet is renewed, not followed by changes"


async def test_what_telegram_does_not_give_is_said_before_it_is_asked_for(door: Door, database: Database) -> None:
    await door.says("/analyze")
    await send(door, "big.pdf", size=20 * MEGABYTE + 1)
    shown = (await panel(database))["text"]
    assert say("en", "analysis.too_large_page", megabytes=20, url="https://bot.example.com/analyses") in shown
    assert await all_jobs(database) == []
    await send(door, "exactly.pdf", size=20 * MEGABYTE)
    await send(door, "again.pdf", unique="same", size=0)
    await send(door, "again.pdf", unique="same", size=0)
    assert [row["file_name"] for row in await rows(database, FILES)] == ["big.pdf", "exactly.pdf", "again.pdf"]
    for number in range(9):
        await send(door, f"{'long' * 70}{number}.pdf")
    assert len(await rows(database, FILES)) == 11
    too_many = [each for each in await chat_texts(database) if "documents are compared at most" in each]
    assert len(too_many) == 1
    assert len((await panel(database))["text"]) <= 4096
    photo = [{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}]
    await door.post(door.update("message", message(sender(), photo=photo)))
    assert (await chat_texts(database))[-1] == say("en", "analysis.only_files")


async def test_buttons_say_what_shall_be_and_belong_to_one_collection(door: Door, database: Database) -> None:
    await door.says("/analyze")
    risks, differences = await data(database, "on:risks"), await data(database, "off:differences")
    cancel = await data(database, "cancel")
    for _ in range(2):
        await press(door, risks)
    await press(door, differences)
    await press(door, risks, user=8)
    assert await value(database, "SELECT looks_for FROM chat_analyses") == ["risks"]
    await press(door, f"{risks.rpartition(':')[0]}:nonsense")
    compare = cancel.replace("cancel", "compare")
    assert (await press(door, compare))["text"] == say("en", "analysis.too_few")
    assert (await press(door, cancel))["text"] == say("en", "analysis.cancelled")
    assert buttons(await panel(database)) == []
    assert (await press(door, risks))["text"] == say("en", "analysis.gone")
    await door.says("Hello")
    assert [job.kind for job in await all_jobs(database)] == ["generate_reply"], "and one may talk again"
    await door.says("/analyze")
    await door.says("/analyze Any risks?")
    assert await value(database, "SELECT count(*) FROM chat_analyses WHERE status = 'collecting'") == 1
    assert "Question: Any risks?" in (await panel(database))["text"]


async def test_compare_begins_once_and_only_what_can_be_paid(door: Door, database: Database) -> None:
    for name in ("first", "second"):
        await send(door, f"{name} old.pdf", caption="/analyze")
        await send(door, f"{name} new.pdf")
        compare = (await data(database, "cancel")).replace("cancel", "compare")
        assert (await press(door, compare))["text"] == say("en", "analysis.still_coming")
        for number in (1, 2):
            there = await document(database, [f"Page {number} of {name}."], owner=f"telegram:{USER}")
            await execute(
                database,
                f"UPDATE chat_analysis_files SET document_id = '{there}'"
                f" WHERE document_id IS NULL AND number = {number}",
                "DELETE FROM jobs WHERE kind = 'fetch_chat_documents'",
            )
        answers = [await press(door, compare), await press(door, compare)]
    jobs = [job for job in await all_jobs(database) if job.kind == "run_ollama_analysis"]
    assert len(jobs) == 1
    assert await value(database, "SELECT title FROM comparisons") == "first old.pdf, first new.pdf"
    assert ["text" in each for each in answers] == [False, False]
    assert [each for each in await chat_texts(database) if "40 💎" in each and "30 💎" in each], (
        "what is missing is told"
    )
    assert await value(database, STATUS) == "collecting", "and with more they can be compared"
    assert await value(database, "SELECT sum(amount) FROM wallet_entries WHERE reason = 'charge'") == -40


async def test_who_may_not_and_what_may_not_be_asked(door: Door, database: Database) -> None:
    await door.says("/analyze")
    await door.says("a naked child")
    assert (await chat_texts(database))[-1] == say("en", "failed.content_blocked")
    assert await value(database, "SELECT question FROM chat_analyses") == ""
    await door.says("x" * 2001)
    assert (await chat_texts(database))[-1] == say("en", "limit.length", count=2001, most=2000)
    insert = "INSERT INTO jobs (id, kind, owner, queue, input) SELECT gen_random_uuid(), 'generate_reply'"
    await execute(database, f"{insert}, 'telegram:{USER}', 'llm', '{{}}' FROM generate_series(1, 2)")
    await send(door, "a.pdf")
    assert (await chat_texts(database))[-1] == say("en", "limit.jobs", count=2)
    assert await rows(database, FILES) == []
    await execute(database, "DELETE FROM jobs", "UPDATE telegram_users SET banned_at = now()")
    before = len(await chat_payloads(database))
    await send(door, "a.pdf", caption="/analyze")
    await send(door, "b.pdf", chat={"id": -100, "type": "group", "title": "Friends"})
    assert await rows(database, FILES) == []
    assert len(await chat_payloads(database)) - before <= 1, "that they are banned, once"


async def test_what_nobody_goes_on_with_ends_by_itself(door: Door, database: Database) -> None:
    await send(door, "a.pdf", caption="/analyze")
    await housekeeping.end_collections(database)
    assert await value(database, STATUS) == "collecting"
    await execute(database, "UPDATE chat_analyses SET touched_at = now() - interval '7 hours'")
    await housekeeping.end_collections(database)
    assert await value(database, STATUS) == "expired"
    assert (await panel(database))["text"].endswith(say("en", "analysis.expired"))
    await execute(database, "UPDATE chat_analyses SET touched_at = now() - interval '31 days'")
    await housekeeping.forget_collections(database)
    assert await rows(database, "SELECT 1 FROM chat_analyses") == []
