"""Pictures that are asked for in words, those that come by themselves, and their originals."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.companion.personas import SHIPPED, Personas
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.settings import PersonaSettings
from sandbox.comfyui.faults import Fault
from tests.factories import execute, rows, value
from tests.jobs.companion.purses import economy, entries, sound
from tests.webhook.picture_bot import PictureBot, keyboard, opened_picture_bot


@pytest.fixture
async def bot(database_url: str, database: Database, tmp_path: Path) -> AsyncIterator[PictureBot]:
    async with opened_picture_bot(database_url, database, tmp_path) as opened:
        yield opened
    await sound(database)


async def test_with_the_style_of_the_conversation_and_without(bot: PictureBot, database: Database) -> None:
    await bot.talks("/generate a fox")
    await bot.talks("/start may")
    await bot.talks("/generate a fox")
    await bot.talks("/draw a fox")
    await bot.talks("/draw")
    style = bot.resources.personas.find("may").image_style
    assert [style in str(each.text) for each in bot.comfyui.log.runs] == [False, True, False]
    assert [each["caption"] for each in await bot.photos()].count("a fox") == 3
    assert (await bot.texts())[-1] == say("en", "draw.usage")
    assert await entries(database, user=bot.user) == [("charge", -10, 40), ("charge", -10, 30), ("charge", -10, 20)]
    # asked for in words, it is another picture each time; and counted where it belongs to the conversation
    assert len({each.result["seed"] for each in await bot.jobs("generate_image") if each.result}) == 3
    assert await value(database, "SELECT photo_count FROM dialogs") == 1


async def test_the_original_is_sent_as_a_file_as_long_as_it_is_kept(bot: PictureBot, database: Database) -> None:
    await bot.talks("/generate a fox")
    assert await bot.press("original:") == say("en", "original.coming")
    await bot.send_pending()
    [photo, file] = await bot.messages()
    assert "has_media_spoiler" not in photo
    assert file["document"]["file_name"].startswith("picture-")
    assert file["document"]["file_size"] == await value(database, "SELECT size FROM media")
    # of somebody else, and once it is gone: the same words, and no file
    data = keyboard(photo)[0][0]["callback_data"]
    await execute(database, "UPDATE media SET owner = 'telegram:1'")
    assert await bot.press_again(photo, data) == say("en", "original.gone")
    await execute(database, "DELETE FROM media")
    assert await bot.press_again(photo, data) == say("en", "original.gone")
    await bot.send_pending()
    assert len(await bot.messages()) == 2


async def test_pictures_that_come_by_themselves(bot: PictureBot, database: Database) -> None:
    bot.automatic(2, 2)
    for number in range(1, 6):
        await bot.talks(f"Message {number}")
    [first, second] = await bot.photos()
    texts = await bot.messages()
    assert [texts.index(first), texts.index(second)] == [2, 5], "after the second and the fourth answer"
    automatic = await bot.jobs("generate_image_prompt")
    assert [each.input["message_count"] for each in automatic] == [2, 4]
    dialog = "SELECT last_image_generation_at, next_picture_at, photo_count, message_count FROM dialogs"
    [state] = await rows(database, dialog)
    assert state == {"last_image_generation_at": 4, "next_picture_at": 6, "photo_count": 2, "message_count": 5}
    assert await entries(database, user=bot.user) == [], "they are free"

    # written anew, an answer brings no picture, though one would be due
    await execute(database, "UPDATE dialogs SET next_picture_at = 5")
    await bot.press("again:")
    await bot.work()
    assert len(await bot.jobs("generate_image_prompt")) == 2
    # who does not want them has none
    await execute(database, "UPDATE telegram_users SET auto_pictures = false")
    await bot.talks("Message 6")
    assert len(await bot.jobs("generate_image_prompt")) == 2
    await execute(database, "UPDATE telegram_users SET auto_pictures = true")
    # while another one is on its way it waits, and comes with the next answer
    await bot.press("photo:")
    await bot.says("Message 7")
    await bot.run((await bot.jobs("generate_reply"))[-1])
    assert len(await bot.jobs("generate_image_prompt")) == 3
    await bot.work()
    await bot.talks("Message 8")
    assert [each.input["message_count"] for each in await bot.jobs("generate_image_prompt")] == [2, 4, 6, 8]


async def test_of_an_automatic_picture_that_fails_or_is_not_paid_nothing_is_said(
    bot: PictureBot, database: Database
) -> None:
    bot.automatic(1, 1)
    bot.comfyui.faults.order(Fault("error", times=10))
    await bot.talks("Hello")
    await bot.retry_until_ended()
    assert [each.status for each in await bot.jobs("generate_image_prompt", "generate_image")] == ["failed", "failed"]
    assert len(await bot.messages()) == 1
    bot.resources.intake.wallet = Wallet(economy(diamonds_start=5, price_automatic_picture=10))
    await bot.talks("Hello?")
    assert [len(await bot.messages()), len(await bot.jobs("generate_image_prompt"))] == [2, 1]
    assert await value(database, "SELECT reply_job_id FROM dialogs") is None


async def test_pictures_of_a_persona_that_is_more_than_general_are_covered(bot: PictureBot, tmp_path: Path) -> None:
    own = tmp_path / "personas" / "vera"
    shutil.copytree(SHIPPED / "lina", own)
    text = (own / "persona.toml").read_text()
    (own / "persona.toml").write_text(text.replace('rating = "general"', 'rating = "suggestive"'))
    personas = Personas(PersonaSettings(personas_dir=str(own.parent), content_rating="suggestive", _env_file=None))
    bot.resources = replace(bot.resources, personas=personas)
    bot.resources.intake.personas = personas
    await bot.submit("generate_image", {"prompt": "a dance", "persona": "vera"})
    await bot.work()
    [photo] = await bot.photos()
    assert photo["has_media_spoiler"] is True
