"""A text becomes a message of the dialog, and at most one job that answers."""

from uuid import uuid4

from jobs.companion.wording import say
from jobs.db.dialog import dialogs
from jobs.db.session import Database
from tests.factories import USER, Door, all_jobs, chat_payloads, chat_texts, rows, value


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


async def test_a_long_text(door: Door, database: Database) -> None:
    """Telegram sends 4,096 characters at most; whatever else comes is refused in words and must not block the chat."""
    for length in (4097, 200_000):
        assert (await door.says("я" * length)).status_code == 200
    assert await rows(database, "SELECT 1 FROM chat_messages") == []
    [explained] = await chat_texts(database)
    assert "4096" in explained.replace(",", "").replace(" ", "")
    assert (await door.says("я" * 4096)).json()["action"] == "typing"
    assert await value(database, "SELECT content FROM chat_messages") == "я" * 4096
    assert len(await all_jobs(database)) == 1


async def test_a_long_history_is_no_hindrance(door: Door, database: Database) -> None:
    await door.says("/start lina")
    dialog_id = await value(database, "SELECT id FROM dialogs")
    async with database.transaction() as connection:
        for _ in range(60):
            await dialogs.add_user_message(connection, dialog_id, "я" * 4000, uuid4())
        await dialogs.set_reply_job(connection, dialog_id, None)
    assert (await door.says("And now?")).status_code == 200
    [job] = await all_jobs(database)
    assert job.input["user_message"] == "And now?"


async def test_a_persona_that_the_operator_took_away_is_said_and_others_are_offered(
    door: Door, database: Database
) -> None:
    await door.says("/start may")
    async with database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE dialogs SET persona = 'gone'")
    for words in ("Hello", "/new"):
        await door.says(words, language="ru")
        card = (await chat_payloads(database))[-1]
        assert card["greeting"] == "lina"
    assert await chat_texts(database) == [say("ru", "persona.gone_unread"), say("ru", "persona.gone")]
    assert await all_jobs(database) == []
    assert await rows(database, "SELECT 1 FROM chat_messages") == []
