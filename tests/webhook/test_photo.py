"""The button "Get photo": written and drawn as one, paid once, given back once; the same moment is the same photo."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.companion.wording import say
from jobs.db.session import Database
from sandbox.comfyui.faults import Fault
from sandbox.llm.faults import venice_refusal
from tests.factories import execute, value
from tests.jobs.companion.purses import balance, entries, sound
from tests.webhook.picture_bot import WALLET, PictureBot, opened_picture_bot


@pytest.fixture
async def bot(database_url: str, database: Database, tmp_path: Path) -> AsyncIterator[PictureBot]:
    async with opened_picture_bot(database_url, database, tmp_path) as opened:
        yield opened
    await sound(database)


async def test_a_photo_of_the_conversation(bot: PictureBot, database: Database) -> None:
    bot.llm.say(["I am by the sea.", "A woman by the sea at dusk."])
    await bot.talks("Where are you?")
    assert await bot.press("photo:") == say("en", "photo.begun")
    assert await bot.press("photo:") == say("en", "photo.on_its_way"), "one at a time"
    await bot.work()
    [photo] = await bot.photos()
    assert "caption" not in photo, "the prompt is nobody's message"
    [run] = bot.comfyui.log.runs
    assert "A woman by the sea at dusk." in str(run.text)
    said = [each["content"] for each in bot.llm.requests[-1].messages]
    assert said[1:3] == ["Where are you?", "I am by the sea."]
    written, drawn = await bot.jobs("generate_image_prompt", "generate_image")
    assert (written.status, drawn.status, drawn.parent_id) == ("completed", "completed", written.id)
    assert await entries(database, user=bot.user) == [("charge", -15, 35)]
    assert await value(database, "SELECT photo_count FROM dialogs") == 1

    # the same moment: no model is asked, no GPU touched, and nothing is paid
    requests = len(bot.llm.requests)
    assert await bot.press("photo:") == say("en", "photo.same_moment")
    await bot.work()
    first, again = await bot.photos()
    assert first["photo"][-1]["file_unique_id"] == again["photo"][-1]["file_unique_id"]
    assert (len(bot.llm.requests), len(bot.comfyui.log.runs)) == (requests, 1)
    assert await value(database, "SELECT photo_count FROM dialogs") == 1

    # its file is gone: what was written is kept, and with it the seed
    await execute(database, "DELETE FROM media")
    assert await bot.press("photo:") == say("en", "photo.begun")
    await bot.work()
    assert len(bot.llm.requests) == requests
    inputs = [each.input for each in await bot.jobs("generate_image")]
    assert inputs[0] == inputs[1]
    assert await balance(database, WALLET, user=bot.user) == 20
    assert await value(database, "SELECT photo_count FROM dialogs") == 2

    # another moment is another photo
    bot.llm.say(["Still here.", "A woman in the rain.", "Go on."])
    await bot.talks("And now?")
    assert await bot.press("photo:") == say("en", "photo.begun")
    await bot.work()
    assert len({each.input["seed"] for each in await bot.jobs("generate_image")}) == 2
    await bot.talks("And then?")
    assert await bot.press("photo:") == say("en", "photo.short")
    await bot.work()
    assert (await bot.texts())[-1].startswith("This costs 15 💎, and you have 5 💎")
    assert len(await bot.jobs("generate_image_prompt")) == 3


async def test_a_photo_that_fails_is_given_back_once_and_told_once(bot: PictureBot, database: Database) -> None:
    await bot.talks("Hello")
    before = len(await bot.messages())
    bot.comfyui.faults.order(Fault("error", times=10))
    await bot.press("photo:")
    await bot.work()
    await bot.retry_until_ended()
    failed = [each.status for each in await bot.jobs("generate_image_prompt", "generate_image")]
    assert failed == ["failed", "failed"]
    assert (await bot.texts())[before:] == [
        f"{say('en', 'failed.generate_image_prompt')} {say('en', 'refunded', sum='15 💎')}"
    ]
    assert await entries(database, user=bot.user) == [("charge", -15, 35), ("refund", 15, 50)]

    # asked for again at the same moment, it is paid again, and not written again
    bot.comfyui.faults.clear()
    requests = len(bot.llm.requests)
    assert await bot.press("photo:") == say("en", "photo.begun")
    await bot.work()
    assert len(await bot.photos()) == 1
    assert len(bot.llm.requests) == requests
    assert await balance(database, WALLET, user=bot.user) == 35

    # nobody can write its prompt
    await bot.talks("And now?")
    bot.llm.fail_always(venice_refusal(402))
    await bot.press("photo:")
    await bot.work()
    await bot.retry_until_ended()
    assert await balance(database, WALLET, user=bot.user) == 35
    assert (await bot.texts())[-1].endswith(say("en", "refunded", sum="15 💎"))

    # of another person's conversation nothing is shown
    stranger = "INSERT INTO telegram_users (user_id, first_name) VALUES (1, 'Boris')"
    await execute(database, stranger, "UPDATE dialogs SET user_id = 1")
    assert await bot.press("photo:") == say("en", "photo.gone")
