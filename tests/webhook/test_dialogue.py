"""A text becomes a message of the dialog, and at most one job that answers."""

from uuid import uuid4

import pytest

from jobs.db import dialogs
from jobs.db.session import Database
from tests.factories import USER, Door, all_jobs, rows, value


async def test_the_answer_to_telegram_shows_that_somebody_types(door: Door) -> None:
    answer = await door.says("Hello")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"method": "sendChatAction", "chat_id": USER, "action": "typing"}


async def test_a_text_without_start_opens_a_dialog_with_the_default_persona(door: Door, database: Database) -> None:
    await door.says("Hello")
    [job] = await all_jobs(database)
    assert job.input == {"persona": "lina", "history": [], "user_message": "Hello", "dialog_id": job.dialog_id}
    [dialog] = await rows(database, "SELECT * FROM dialogs")
    assert (dialog["id"], dialog["reply_job_id"], dialog["message_count"]) == (job.dialog_id, job.id, 1)


async def test_while_a_job_is_open_further_texts_belong_to_it(door: Door, database: Database) -> None:
    for words in ("One", "Two", "Three"):
        answer = await door.says(words)
        assert answer.json()["action"] == "typing"
    assert len(await all_jobs(database)) == 1
    assert [row["content"] for row in await rows(database, "SELECT content FROM chat_messages ORDER BY id")] == [
        "One",
        "Two",
        "Three",
    ]


async def test_two_people_have_two_dialogs(door: Door, database: Database) -> None:
    await door.says("Hello", user=7)
    await door.says("Hello", user=8, language="ru")
    first, second = await all_jobs(database)
    assert first.dialog_id != second.dialog_id
    assert (first.owner, second.owner) == ("telegram:7", "telegram:8")
    assert second.destination == {"telegram": {"chat_id": 8, "locale": "ru"}}


@pytest.mark.parametrize("length", [4096, 4097, 32_000, 32_001, 200_000])
async def test_a_long_text(door: Door, database: Database, length: int) -> None:
    """Telegram sends 4,096 characters at most; whatever else comes must not block the chat."""
    words = "я" * length
    assert (await door.says(words)).status_code == 200
    stored = await value(database, "SELECT content FROM chat_messages")
    assert words.startswith(stored)
    assert len(stored) >= 4096 or stored == words
    assert len(await all_jobs(database)) == 1


async def test_a_long_history_is_no_hindrance(door: Door, database: Database) -> None:
    await door.says("/start")
    dialog_id = await value(database, "SELECT id FROM dialogs")
    async with database.transaction() as connection:
        for _ in range(60):
            await dialogs.add_user_message(connection, dialog_id, "я" * 4000, uuid4())
        await dialogs.set_reply_job(connection, dialog_id, None)
    assert (await door.says("And now?")).status_code == 200
    [job] = await all_jobs(database)
    assert job.input["user_message"] == "And now?"


async def test_a_persona_that_the_operator_took_away(door: Door, database: Database) -> None:
    await door.says("/start may")
    async with database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE dialogs SET persona = 'gone'")
    await door.says("Hello")
    [job] = await all_jobs(database)
    assert job.input["persona"] == "lina"
