"""The bot as a new person meets it, in a real browser at phone width: what the page shows after each thing they do."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright, expect

from jobs.db.session import Database
from tests.e2e.bot_processes import RunningBot, running_bot
from tests.e2e.chat_person import PATIENCE_MS, ChatPerson, chat_person
from tests.e2e.stack import until
from tests.factories import rows
from tests.sandbox.test_chat_page import CHROMIUM, QUIET

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")

SETTINGS = {
    "PRICE_REPLY": "1", "PRICE_PHOTO": "10", "DIAMONDS_START": "10", "ENERGY_MAX": "3", "ENERGY_REFILL_SECONDS": "3600",
    "STARS_PACKS": "25:50 energy, 50:50 diamonds, 200:230 diamonds",
    # a picture that nobody asked for may come at any step
    "IMAGE_EVERY_MIN": "0", "IMAGE_EVERY_MAX": "0",
    "TELEGRAM_CHAT_MESSAGES_PER_SECOND": "20",
}  # fmt: skip
HELLO = "Hi! I am new here. What do you do all day?"
SECRET = "And what is your secret?"
COMPASS = "Нашёлся твой компас?"
REPLIES = {
    HELLO: ["Mostly I keep the lamp clean and the kettle warm. At night I call other islands. Some of them answer."],
    SECRET: ["I talk to the gulls.", "There is a letter under the third stair. I have never dared to open it."],
    COMPASS: ["Да! Он лежал под третьей ступенькой."],
}
HELD = "SELECT 1 FROM deliveries WHERE status = 'held' AND payload ->> 'text' LIKE 'Да!%'"
PROMPT = "a man with a beard on a lighthouse balcony, evening light, calm sea"


class Persona:
    """Each time that the same is asked, the next of its replies."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, body: dict[str, Any]) -> str:
        if "prompts for an image generator" in body["messages"][0]["content"]:
            return PROMPT
        words = body["messages"][-1]["content"]
        self.asked[words] += 1
        return REPLIES[words][self.asked[words] - 1]


# on a machine that does much else at the same time
@pytest.mark.timeout(300)
async def test_a_new_person_chooses_chats_runs_out_tops_up_and_comes_back(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with (
        running_bot(database_url, tmp_path, **SETTINGS) as bot,
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser,
        chat_person(browser, bot.chat_url) as anna,
    ):
        bot.llm.say(Persona())
        await chooses_whom_to_talk_to(anna)
        await reads_a_reply_while_it_is_written(anna, bot)
        await asks_for_a_photo_and_follows_it(anna, bot)
        await runs_out_of_diamonds(anna)
        await tops_up_with_stars(anna)
        await lets_the_last_reply_be_written_anew(anna)
        await switches_to_russian(anna)
        await runs_out_of_energy(anna)
        await blocks_the_bot_and_comes_back(anna, bot, database)


async def chooses_whom_to_talk_to(anna: ChatPerson) -> None:
    await anna.join("Anna")
    await expect(anna.page.locator("#about")).to_contain_text("choose one and just write")
    await anna.look("opened")
    await anna.page.get_by_role("button", name="START").click()
    await anna.reads("Lina, 24", "1 of 8")
    await expect(anna.messages.first).to_contain_text("Hi, Anna!")
    await anna.sees(anna.photo())
    await anna.look("gallery")
    await anna.press("▶️")
    await expect(anna.newest).to_contain_text("2 of 8")
    await expect(anna.messages).to_have_count(2)
    await anna.look("gallery-turned")
    await anna.press("Talk to")
    await expect(anna.messages).to_have_count(3)
    await anna.sees(anna.photo())
    await anna.look("greeting")


async def reads_a_reply_while_it_is_written(anna: ChatPerson, bot: RunningBot) -> None:
    bot.llm.piece_delay = 0.2
    await anna.write(HELLO)
    draft = anna.page.locator("#draft")
    await expect(draft).to_contain_text("Mostly I keep", timeout=PATIENCE_MS)
    await expect(draft.get_by_role("button", name="Stop")).to_be_visible()
    await anna.look("draft")
    bot.llm.piece_delay = 0
    await anna.reads(REPLIES[HELLO][0])
    await expect(draft).to_be_empty()
    await expect(anna.newest.get_by_role("button")).to_have_text(["🔄 Another answer", "📷 Get photo"])
    await anna.look("reply")


async def asks_for_a_photo_and_follows_it(anna: ChatPerson, bot: RunningBot) -> None:
    # its progress is told after three seconds, and must be there long enough to be seen on a busy machine
    bot.comfyui.change(seconds_per_picture=6)
    await anna.press("Get photo")
    await anna.is_told("I’m taking a photo")
    await anna.look("photo-begun")
    await anna.reads("Drawing…")
    await expect(anna.newest.get_by_role("button")).to_have_text(["✖️ Cancel"])
    await anna.look("photo-progress")
    assert await anna.sees(anna.newest.locator(".photo img")) == (800, 800)
    await expect(anna.page.locator("#messages")).not_to_contain_text("Drawing…")
    await anna.look("photo")
    bot.comfyui.change(seconds_per_picture=0.05)


async def runs_out_of_diamonds(anna: ChatPerson) -> None:
    await anna.write(SECRET)
    await anna.reads(REPLIES[SECRET][0])
    await anna.press("Get photo")
    await anna.reads("This costs 10 💎, and you have 0 💎: 10 💎 more is needed.")
    await expect(anna.newest.get_by_role("button")).to_have_text(["50 💎 for ⭐ 50", "230 💎 for ⭐ 200"])
    await anna.look("shortage")


async def tops_up_with_stars(anna: ChatPerson) -> None:
    await anna.press("50 💎 for ⭐ 50")
    await anna.reads("Diamonds: 50", "★ 50")
    await anna.look("invoice")
    await anna.press("Pay")
    await anna.look("pay-question")
    await anna.agree("Pay")
    await expect(anna.page.get_by_text("You paid ★ 50")).to_be_visible()
    await anna.reads("Thank you! Added: 50 💎.")
    await anna.newest.get_by_role("button", name="Get photo").click()
    await anna.sees(anna.newest.locator(".photo img"))
    await anna.look("photo-after-top-up")


async def lets_the_last_reply_be_written_anew(anna: ChatPerson) -> None:
    before = await anna.messages.count()
    await anna.press("Another answer")
    await expect(anna.page.locator("#messages")).to_contain_text(REPLIES[SECRET][1], timeout=PATIENCE_MS)
    await expect(anna.page.locator("#messages")).not_to_contain_text(REPLIES[SECRET][0])
    await expect(anna.messages).to_have_count(before)
    await anna.look("regenerated")


async def switches_to_russian(anna: ChatPerson) -> None:
    await anna.write("/settings")
    await anna.reads("Language: English")
    await anna.look("settings")
    await anna.press("Русский", exact=True)
    await anna.reads("Настройки", "Язык: Русский")
    await anna.look("settings-russian")
    await anna.write("/balance")
    await anna.reads("Алмазы: 40 💎", "Энергия: 0 ⚡", "−10 💎  картинка", "+50 💎  покупка")
    await anna.look("balance")


async def runs_out_of_energy(anna: ChatPerson) -> None:
    """What was written without it is not lost: when there is enough again, one press brings the answer."""
    await anna.write(COMPASS)
    await anna.reads("Это стоит 1 ⚡, а у тебя 0 ⚡: не хватает 1 ⚡.")
    await anna.look("out-of-energy")
    await anna.newest.get_by_role("button", name="50 ⚡ за ⭐ 25").click()
    await anna.reads("Энергия: 50", "★ 25")
    await anna.press("Pay")
    await anna.agree("Pay")
    await anna.reads("Спасибо! Начислено: 50 ⚡.")
    await anna.look("energy-bought")


async def blocks_the_bot_and_comes_back(anna: ChatPerson, bot: RunningBot, database: Database) -> None:
    """While the answer is written: it is held, and comes when they are back."""
    bot.llm.pause()
    asked = len(bot.llm.requests)
    await anna.newest.get_by_role("button", name="Ответить на моё сообщение").click()
    await bot.llm.wait_for_requests(asked + 1, PATIENCE_MS / 1000)
    await anna.page.get_by_role("button", name="Block the bot").click()
    await anna.agree("Block")
    await expect(anna.page.get_by_role("button", name="UNBLOCK", exact=True)).to_be_visible()
    await anna.look("blocked")
    bot.llm.resume()
    await until(lambda: rows(database, HELD), bool)
    await expect(anna.page.locator("#messages")).not_to_contain_text(REPLIES[COMPASS][0])
    await anna.page.get_by_role("button", name="UNBLOCK", exact=True).click()
    await anna.reads(REPLIES[COMPASS][0])
    await expect(anna.newest.get_by_role("button")).to_have_text(["🔄 Другой ответ", "📷 Получить фото"])
    await anna.look("back")
