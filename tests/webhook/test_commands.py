"""/start, /help, /generate and what no command is: in the person's language."""

import re
from pathlib import Path

import pytest

from jobs.companion.operating.registration import COMMANDS
from jobs.companion.personas import Personas
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.settings import PersonaSettings
from tests.factories import (
    USER,
    Door,
    all_jobs,
    chat_payloads,
    chat_texts,
    message,
    opened_door,
    rows,
    sender,
    tickets,
    value,
)

PERSONAS = Personas(PersonaSettings(_env_file=None))


async def test_start_shows_whom_one_may_meet_and_opens_nothing_yet(door: Door, database: Database) -> None:
    answer = await door.says("/start")
    assert answer.content == b""
    assert await chat_texts(database) == [say("en", "start.welcome", comma_name=", Anna")]
    _, card = await chat_payloads(database)
    assert card["greeting"] == "lina"
    assert card["caption"].startswith("Lina, 24 — a botanist")
    assert await rows(database, "SELECT 1 FROM dialogs") == []
    locks = [(ticket["queue_name"], ticket["lock"]) for ticket in await tickets(database)]
    assert locks == [("telegram", f"chat:{USER}")], "one ticket, so that they keep their order"


@pytest.mark.parametrize("words", ["/start may", "/start MAY", "/start  may "])
async def test_a_deep_link_opens_the_conversation_at_once(door: Door, database: Database, words: str) -> None:
    await door.says(words)
    may = PERSONAS.find("may")
    [greeting] = await chat_payloads(database)
    assert (greeting["greeting"], greeting["caption"]) == ("may", may.greeting.en)
    [dialog] = await rows(database, "SELECT persona, greeting FROM dialogs")
    assert dialog == {"persona": "may", "greeting": may.greeting.en}
    assert await value(database, "SELECT u.dialog_id = d.id FROM telegram_users u, dialogs d") is True


@pytest.mark.parametrize("words", ["/start nobody", "/start "])
async def test_a_deep_link_to_nobody_shows_the_gallery(door: Door, database: Database, words: str) -> None:
    await door.says(words)
    assert (await chat_payloads(database))[-1]["greeting"] == "lina"
    assert await rows(database, "SELECT 1 FROM dialogs") == []


async def test_each_persona_has_a_conversation_of_its_own(door: Door, database: Database) -> None:
    await door.says("/start lina")
    await door.says("Hello")
    await door.says("/start may")
    await door.says("And you?")
    jobs = await all_jobs(database)
    assert [job.input["persona"] for job in jobs] == ["lina", "may"]
    assert jobs[0].dialog_id != jobs[1].dialog_id


@pytest.mark.parametrize(
    ("language", "locale"),
    [("ru", "ru"), ("ru-RU", "ru"), ("uk", "ru"), ("be", "ru"), ("kk", "ru"), ("en", "en"), ("de", "en"), (None, "en")],
)
async def test_the_language_of_the_persons_app(
    door: Door, database: Database, language: str | None, locale: str
) -> None:
    await door.says("/help", language=language)
    [explained] = await chat_texts(database)
    assert explained == say(locale, "help", commands=explained[explained.index("/start") :])
    for name in COMMANDS:
        assert f"/{name} — {say(locale, f'command.{name}')}" in explained


async def test_a_persons_own_choice_goes_before_the_language_of_the_app(door: Door, database: Database) -> None:
    await door.says("/start", language="ru")
    async with database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE telegram_users SET locale = 'en'")
    await door.says("/help", language="ru")
    assert (await chat_texts(database))[-1].startswith("Just write")


async def test_an_app_that_tells_no_language_keeps_the_one_that_is_known(door: Door, database: Database) -> None:
    await door.says("/help", language="ru")
    await door.says("/help", language=None)
    first, second = await chat_texts(database)
    assert first == second


async def test_a_name_with_braces_is_only_a_name(door: Door, database: Database) -> None:
    await door.post(door.update("message", message({**sender(), "first_name": "{persona}"}, text="/start")))
    assert (await chat_texts(database))[0].startswith("Hi, {persona}! Here you can talk")


async def test_generate_makes_a_picture_job_on_a_lane(door: Door, database: Database) -> None:
    answer = await door.says("/generate a red fox")
    assert answer.json() == {"method": "sendChatAction", "chat_id": USER, "action": "upload_photo"}
    [job] = await all_jobs(database)
    assert (job.kind, job.queue, job.input) == ("generate_image", "gpu-0", {"prompt": "a red fox"})
    assert job.destination == {"telegram": {"chat_id": USER, "locale": "en"}}
    assert await chat_texts(database) == []


async def test_generate_keeps_lines_and_inner_spaces(door: Door, database: Database) -> None:
    await door.says("/generate a red  fox\nin the snow ")
    [job] = await all_jobs(database)
    assert job.input["prompt"] == "a red  fox\nin the snow"


@pytest.mark.parametrize("words", ["/generate", "/generate ", "/generate \n "])
async def test_generate_alone_explains_itself(door: Door, database: Database, words: str) -> None:
    answer = await door.says(words, language="ru")
    assert answer.content == b""
    assert await chat_texts(database) == [say("ru", "generate.usage")]
    assert await all_jobs(database) == []


async def test_generate_that_is_too_long_names_both_lengths(door: Door, database: Database) -> None:
    await door.says("/generate " + "x" * 2001)
    [explained] = await chat_texts(database)
    assert re.findall(r"\d+", explained) == ["2001", "2000"]
    assert await all_jobs(database) == []
    await door.says("/generate " + "x" * 2000)
    assert len(await all_jobs(database)) == 1


async def test_generate_where_no_lane_is_connected(database_url: str, database: Database) -> None:
    async with opened_door(database_url, hosts="") as door:
        answer = await door.says("/generate a red fox")
    assert (answer.status_code, answer.content) == (200, b"")
    assert await chat_texts(database) == [say("en", "images_unavailable")]
    assert await all_jobs(database) == []


async def test_every_command_that_is_offered_is_understood(door: Door, database: Database) -> None:
    for name in COMMANDS:
        assert (await door.says(f"/{name}")).status_code == 200
    said = await chat_texts(database)
    assert [
        each for each in said if each in {say("en", "unknown_command", command=f"/{name}") for name in COMMANDS}
    ] == []
    assert len(await chat_payloads(database)) >= len(COMMANDS)
    assert await rows(database, "SELECT 1 FROM failed_updates") == []


@pytest.mark.parametrize("words", ["/nonsense", "/Start", "/generated a fox", "/", "/ start", "/start_x"])
async def test_a_command_that_does_not_exist_gets_help(door: Door, database: Database, words: str) -> None:
    assert (await door.says(words)).status_code == 200
    assert await chat_texts(database) == [say("en", "unknown_command", command=words.split()[0])]
    assert await all_jobs(database) == []


async def test_a_very_long_command_is_not_repeated_whole(door: Door, database: Database) -> None:
    await door.says("/" + "x" * 4000)
    [explained] = await chat_texts(database)
    assert len(explained) < 500


@pytest.mark.parametrize("words", ["/help@any_bot", "/start@any_bot may", "/generate@any_bot a fox"])
async def test_a_command_with_the_bots_name_needs_no_call_to_telegram(
    database_url: str, database: Database, words: str
) -> None:
    """In a private chat only this bot can be meant. To ask Telegram for its own name would take the door out of
    the transaction and onto the network, and fail where the door reaches nobody but its database."""
    async with opened_door(database_url) as door:
        assert (await door.says(words)).status_code == 200
    unknown = say("en", "unknown_command", command=words.split()[0])
    said = await chat_texts(database)
    assert unknown not in said
    assert said or await chat_payloads(database) or await all_jobs(database)


async def test_a_photo_is_answered_with_words(door: Door, database: Database) -> None:
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 90, "height": 90, "file_size": 1000}]
    answer = await door.post(door.update("message", message(sender(language="ru"), photo=photo, caption="Look")))
    assert answer.status_code == 200
    assert await chat_texts(database) == [say("ru", "text_only")]
    assert await all_jobs(database) == []


async def test_a_sticker_a_voice_and_a_document_too(door: Door, database: Database) -> None:
    file = {"file_id": "a", "file_unique_id": "b"}
    for content in (
        {"voice": {**file, "duration": 3}},
        {"document": file},
        {
            "sticker": {
                **file,
                "type": "regular",
                "width": 1,
                "height": 1,
                "is_animated": False,
                "is_video": False,
            }
        },
    ):
        await door.post(door.update("message", message(sender(), **content)))
    voice, offer, sticker = await chat_texts(database)
    assert voice == sticker == say("en", "text_only")
    assert offer.endswith(say("en", "analysis.offered")), "of a document"


async def test_a_button_of_an_old_message_stops_spinning(door: Door, database: Database) -> None:
    query = {"id": "4711", "from": sender(), "chat_instance": "1", "data": "gone"}
    answer = await door.post(door.update("callback_query", query))
    assert answer.json() == {"method": "answerCallbackQuery", "callback_query_id": "4711"}
    assert await rows(database, "SELECT * FROM failed_updates") == []


async def test_a_persona_that_the_operator_broke_is_said_at_start(tmp_path: Path, database_url: str) -> None:
    """Found with the first update, it would set aside five updates of every chat before somebody looks."""
    from jobs.errors import Misconfigured

    (tmp_path / "nova").mkdir()
    (tmp_path / "nova" / "persona.toml").write_text("age = 'old'")
    with pytest.raises(Misconfigured, match="nova"):
        async with opened_door(database_url, personas_dir=tmp_path):
            pass
