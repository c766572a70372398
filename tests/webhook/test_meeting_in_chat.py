"""A person meets personas in the chat itself: cards that turn, greeting pictures, answers that are written anew."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jobs import lifecycle
from jobs.companion.personas import Personas
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.settings import PersonaSettings
from sandbox.llm.faults import venice_refusal
from tests.factories import all_jobs, rows, value
from tests.jobs.companion.purses import entries, sound
from tests.webhook.picture_bot import PATIENCE, PictureBot, keyboard, opened_picture_bot

PERSONAS = Personas(PersonaSettings(_env_file=None))
Json = dict[str, Any]


@pytest.fixture
async def bot(database_url: str, database: Database, tmp_path: Path) -> AsyncIterator[PictureBot]:
    async with opened_picture_bot(database_url, database, tmp_path) as opened:
        yield opened
    await sound(database)


async def press(bot: PictureBot, message: Json, prefix: str) -> str | None:
    """The words of the answer, once all that follows from it has been done."""
    [data] = [each for each in buttons(message) if each.startswith(prefix)]
    return await press_data(bot, message, data)


async def press_data(bot: PictureBot, message: Json, data: str) -> str | None:
    path = f"users/{bot.user}/callbacks?wait={PATIENCE}"
    query = await bot.control("POST", path, message_id=message["message_id"], data=data)
    await bot.work()
    words: str | None = query["answer"].get("text")
    return words


async def seen(bot: PictureBot) -> list[Json]:
    return [each for each in await bot.messages() if "deleted_at" not in each]


def buttons(message: Json) -> list[str]:
    return [each["callback_data"] for row in keyboard(message) for each in row]


async def uploads(bot: PictureBot) -> int:
    sent = [*await bot.calls("sendPhoto"), *await bot.calls("editMessageMedia")]
    return len(
        [
            call
            for call in sent
            if any(isinstance(each, dict) and "filename" in each for each in call["params"].values())
        ]
    )


async def test_the_gallery_turns_in_place_and_a_greeting_is_sent_by_its_file_id(bot: PictureBot) -> None:
    await bot.talks("/start")
    welcome, card = await bot.messages()
    assert welcome["text"] == say("en", "start.welcome", comma_name=", Anna")
    assert card["caption"].startswith("Lina, 24 — ")
    assert card["photo"]

    await press(bot, card, "see:ash")
    _, turned = await bot.messages()
    assert turned["message_id"] == card["message_id"], "one card, however long one leafs"
    assert turned["caption"].startswith("Ash, ")
    assert turned["photo"][-1]["file_id"] != card["photo"][-1]["file_id"]
    await press(bot, turned, "see:lina")
    again = (await bot.messages())[-1]
    assert again["photo"][-1]["file_id"] == card["photo"][-1]["file_id"]
    assert await uploads(bot) == 2, "each picture once"

    await press(bot, again, "meet:lina")
    greeting = (await bot.messages())[-1]
    assert (greeting["caption"], greeting["photo"]) == (PERSONAS.find("lina").greeting.en, card["photo"])
    assert await uploads(bot) == 2

    # Telegram has forgotten the file, as it does when the bot moves to another server
    bot.sandbox.bot().files.by_id.clear()
    bot.sandbox.bot().files.photos.clear()
    await bot.talks("/start lina")
    assert await uploads(bot) == 3
    assert (await bot.messages())[-1]["caption"] == PERSONAS.find("lina").greeting.en
    await bot.talks("/start lina")
    assert await uploads(bot) == 3, "and it is remembered anew"
    assert await value(bot.database, "SELECT count(*) FROM dialogs") == 1, "nothing was said yet: still the same one"


async def test_a_greeting_is_what_the_model_knows_of_the_beginning(bot: PictureBot) -> None:
    await bot.talks("/start may")
    await bot.talks("Hello")
    [request] = bot.llm.requests
    assert request.messages[0]["content"].endswith(PERSONAS.find("may").greeting.en)
    assert [each["role"] for each in request.messages] == ["system", "user"], "some models refuse to speak first"


async def test_an_answer_is_written_anew_in_its_place(bot: PictureBot, database: Database) -> None:
    await bot.talks("/start lina")
    bot.llm.say(["Not this one.", "Rain, I think.", "Snow! " * 900, "Sun, of course.", "Goodbye."])
    await bot.talks("How is the weather?")
    first = (await bot.messages())[-1]
    assert await press(bot, first, "again:") == say("en", "again.begun")
    anew = (await bot.messages())[-1]
    assert (anew["message_id"], anew["text"]) == (first["message_id"], "Rain, I think.")
    said = "SELECT content FROM chat_messages ORDER BY id"
    assert [row["content"] for row in await rows(database, said)] == ["How is the weather?", "Rain, I think."]
    shown = bot.llm.requests[-1].messages
    assert shown[1:] == [{"role": "user", "content": "How is the weather?"}], "it does not see what it replaces"

    # the button of before is told apart, although the message is the same one
    [old] = [each for each in buttons(first) if each.startswith("again:")]
    assert old not in buttons(anew)
    # a longer one takes several messages, and the next one is short again
    await press(bot, anew, "again:")
    long = await bot.messages()
    assert [bool(keyboard(each)) for each in long[-2:]] == [False, True]
    assert long[-2]["message_id"] == first["message_id"]
    await press(bot, long[-1], "again:")
    assert [each["text"] for each in await seen(bot) if "text" in each] == ["Sun, of course."]

    sun = (await seen(bot))[-1]
    await bot.talks("Bye")
    *_, before, last = await seen(bot)
    assert (before["message_id"], buttons(before)) == (sun["message_id"], []), "only the newest answer has buttons"
    assert buttons(last)
    charges = [(reason, amount) for reason, amount, *_ in await entries(database, "energy", bot.user)]
    assert charges == [("charge", -1)] * 5
    assert {job.kind for job in await all_jobs(database)} == {"generate_reply", "regenerate_reply"}
    assert await value(database, "SELECT message_count FROM dialogs") == 2, "no step towards a picture"


async def test_a_button_that_is_pressed_twice_too_late_or_in_vain_is_answered_in_words(
    bot: PictureBot, database: Database
) -> None:
    await bot.talks("/start lina")
    bot.llm.say(["One.", "Two."])
    await bot.talks("Say a number")
    first = (await bot.messages())[-1]
    [data] = [each for each in buttons(first) if each.startswith("again:")]
    path = f"users/{bot.user}/callbacks?wait={PATIENCE}"
    pressed = [await bot.control("POST", path, message_id=first["message_id"], data=data) for _ in range(2)]
    assert [each["answer"]["text"] for each in pressed] == [say("en", "again.begun"), say("en", "again.busy")]

    # the model refuses: the answer stays, and costs what it did
    bot.llm.fail_always(venice_refusal(404))
    [anew] = [job for job in await all_jobs(database) if job.status == "pending"]
    await lifecycle.run_job(bot.resources, anew.id)
    await bot.work()
    bot.llm.fail_always(None)
    *_, still, words = await bot.messages()
    assert (still["text"], buttons(still)) == ("One.", buttons(first))
    assert words["text"] == say("en", "failed.regenerate_reply") + " " + say("en", "refunded", sum="1 ⚡")

    # another conversation is the current one now: this button goes
    await bot.talks("/new")
    await bot.work()
    assert [buttons(each) for each in await bot.messages() if each["message_id"] == first["message_id"]] == [[]]
    assert bot.user == await value(database, "SELECT user_id FROM telegram_users")


async def test_what_is_written_while_an_answer_is_written_anew_is_answered_after_it(
    bot: PictureBot, database: Database
) -> None:
    bot.llm.say(["One.", "Two.", "Three."])
    await bot.talks("First")
    answer = (await bot.messages())[-1]
    [data] = [each for each in buttons(answer) if each.startswith("again:")]
    await bot.control("POST", f"users/{bot.user}/callbacks?wait={PATIENCE}", message_id=answer["message_id"], data=data)
    await bot.says("Second")
    await bot.work()
    said = "SELECT content FROM chat_messages ORDER BY coalesce(answers, id), id"
    assert [row["content"] for row in await rows(database, said)] == ["First", "Two.", "Second", "Three."]
    assert [each["text"] for each in await bot.messages()] == ["Two.", "Three."]
    assert await value(database, "SELECT reply_job_id FROM dialogs") is None
