"""How far a picture is, in one message that goes when it comes; and the button that calls it off."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs import lifecycle
from jobs.companion import picture_progress
from jobs.companion.wording import say
from jobs.db.session import Database
from tests.api.test_queue_position import SERVED
from tests.factories import all_jobs, execute, job, value
from tests.jobs.companion.purses import balance, sound
from tests.webhook.picture_bot import PATIENCE, WALLET, PictureBot, keyboard, opened_picture_bot

KNOWN = "INSERT INTO workflow_times (workflow, seconds, load_seconds, samples) VALUES ('lina', 30, 0, 1)"


@pytest.fixture
async def bot(
    database_url: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PictureBot]:
    monkeypatch.setattr(picture_progress, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(picture_progress, "PAUSE_SECONDS", 0.1)
    async with opened_picture_bot(database_url, database, tmp_path) as opened:
        yield opened
    await sound(database)


async def shown(bot: PictureBot, least: int) -> int:
    """The share that the chat reads, once it is so much."""
    async with asyncio.timeout(PATIENCE):
        while True:
            await bot.send_pending()
            found = [int(text[1]) for each in await bot.texts() if (text := re.search(r"(\d+) %", each))]
            if found and found[-1] >= least:
                return found[-1]
            await asyncio.sleep(0.02)


async def test_a_picture_that_takes_its_time(bot: PictureBot, database: Database) -> None:
    bot.comfyui.change(seconds_per_picture=1.5)
    await bot.says("/generate a red fox")
    [waiting] = await all_jobs(database)
    running = asyncio.create_task(lifecycle.run_job(bot.resources, waiting.id))
    first = await shown(bot, 1)
    assert len(await bot.messages()) == 1
    assert await shown(bot, first + 1) > first
    assert keyboard((await bot.messages())[0]), "an edit keeps the button"
    await running
    await bot.send_pending()
    [photo] = await bot.messages()
    assert photo["caption"] == "a red fox"
    methods = [each["method"] for each in await bot.control("GET", "calls") if each["method"] != "sendChatAction"]
    assert methods.count("sendMessage") == methods.count("deleteMessage") == 1, methods
    assert "editMessageText" not in methods[methods.index("deleteMessage") :], "no edit after the end"


async def test_a_running_picture_is_called_off(bot: PictureBot, database: Database) -> None:
    bot.comfyui.change(seconds_per_picture=20)
    await bot.says("/generate a red fox")
    [waiting] = await all_jobs(database)
    running = asyncio.create_task(lifecycle.run_job(bot.resources, waiting.id))
    await shown(bot, 0)
    assert await bot.press("stop_picture:") == say("en", "picture.stopping")
    running.cancel()  # as the queue's worker does on the cancel
    await running
    await bot.send_pending()
    assert await bot.texts() == [f"{say('en', 'cancelled')} {say('en', 'refunded', sum='10 💎')}"]
    assert await balance(database, WALLET, user=bot.user) == 50
    assert (await job(database, waiting.id)).status == "cancelled"


async def test_a_long_wait_is_told_at_once_and_may_be_called_off(bot: PictureBot, database: Database) -> None:
    await execute(database, *SERVED, KNOWN, "UPDATE lanes SET loaded = 'x'")
    await bot.says("/generate a red fox")
    await bot.says("/generate a blue fox")
    await bot.send_pending()
    soon, queued = await bot.texts()
    assert re.fullmatch(r"Your picture will be there in about \d+ s\.", soon)
    assert re.fullmatch(r"Your picture is in the queue\. Ahead of you: 1, it will take about \d+ s\.", queued)

    second = (await bot.messages())[1]
    assert await bot.press("stop_picture:") == say("en", "picture.stopped")
    assert await bot.press_again(second, keyboard(second)[0][0]["callback_data"]) == say("en", "picture.ended")
    await bot.send_pending()
    told = f"{say('en', 'picture.stopped')} {say('en', 'refunded', sum='10 💎')}"
    assert await bot.texts() == [soon, told]
    assert await balance(database, WALLET, user=bot.user) == 40
    await bot.work()
    assert await bot.texts() == [told]
    assert len(await bot.photos()) == 1
    assert await value(database, "SELECT count(*) FROM jobs WHERE status = 'cancelled'") == 1


async def test_a_waiting_photo_is_called_off_with_all_that_belongs_to_it(bot: PictureBot, database: Database) -> None:
    await bot.talks("Hello")
    await execute(database, *SERVED, KNOWN)
    assert await bot.press("photo:") == say("en", "photo.begun")
    await bot.send_pending()
    assert (await bot.texts())[-1].startswith("Your picture will be there in about")
    [prompt] = await bot.jobs("generate_image_prompt")
    await lifecycle.run_job(bot.resources, prompt.id)
    assert await bot.press("stop_picture:") == say("en", "picture.stopped")
    await bot.work()
    assert [each.status for each in await bot.jobs("generate_image_prompt", "generate_image")] == ["cancelled"] * 2
    assert (await bot.texts())[1:] == [f"{say('en', 'cancelled')} {say('en', 'refunded', sum='15 💎')}"]
    assert await balance(database, WALLET, user=bot.user) == 50
    assert await bot.press("photo:") == say("en", "photo.begun"), "the next one may begin"
