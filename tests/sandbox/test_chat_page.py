"""The chat page in a real browser: what a person types, presses and sees."""

import io
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect
from starlette.responses import Response

from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.rehearsal import TOKEN, Stage, rehearsal
from sandbox.bot_api.wire import Wire

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
GO = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests, with a profile of its own that vanishes with it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(
    browser: Browser, stage: Stage, path: str = "/", *, width: int = 1100, height: int = 760, locale: str = "en-US"
) -> AsyncIterator[Page]:
    """The page in a fresh context; a script error or a request to elsewhere fails the test."""
    problems: list[str] = []
    context = await browser.new_context(viewport={"width": width, "height": height}, locale=locale)
    try:
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.extend(foreign(request.url, stage.running.url)))
        await page.goto(stage.running.url + path)
        yield page
    finally:
        await context.close()
    assert problems == []


def foreign(url: str, own: str) -> list[str]:
    return [] if url.startswith((own, "data:", "blob:", "about:")) else [url]


async def photo(stage: Stage, user: int, **fields: str) -> None:
    output = io.BytesIO()
    Image.new("RGB", (600, 400), "teal").save(output, "PNG")
    files = {"photo": ("a.png", output.getvalue(), "image/png")}
    answer = await stage.http.post(f"/bot{TOKEN}/sendPhoto", data={"chat_id": str(user), **fields}, files=files)
    assert answer.json()["ok"]


async def test_a_person_is_added_starts_and_talks_by_keyboard(browser: Browser) -> None:
    async with rehearsal() as stage:

        async def echo(update: Wire) -> Response:
            message = update["message"]
            text = f"you said {message['text']}"
            await stage.call("sendMessage", chat_id=message["chat"]["id"], text=text)
            return Response()

        stage.webhook.answer = echo
        await stage.set_webhook()
        async with opened(browser, stage) as page:
            await page.get_by_role("button", name="Add a person").last.click()
            await page.get_by_label("Name", exact=True).fill("Анна")
            await page.get_by_label("Русский").check()
            await page.keyboard.press("Enter")
            await page.get_by_role("button", name="СТАРТ").click()
            await expect(page.locator("#messages", has_text="you said /start")).to_be_visible()
            await page.get_by_placeholder("Сообщение").press_sequentially("<b>привет</b>")
            await page.keyboard.press("Enter")
            await expect(page.locator("#messages", has_text="you said <b>привет</b>")).to_be_visible()
            await expect(page.locator(".from-user .ticks.delivered")).to_have_count(2)
            await expect(page.get_by_text("Люди")).to_be_visible()
            assert re.search(r"\?user=\d+$", page.url)
    assert [received.text for received in stage.webhook.received] == ["/start", "<b>привет</b>"]
    assert stage.webhook.received[0].update["message"]["from"]["language_code"] == "ru"


async def test_who_is_added_by_a_russian_browser_speaks_russian(browser: Browser) -> None:
    """English was chosen beforehand while nobody was there yet."""
    async with rehearsal() as stage, opened(browser, stage, locale="ru-RU") as page:
        await page.get_by_role("button", name="Добавить человека").last.click()
        await expect(page.get_by_label("Русский")).to_be_checked()


async def test_messages_change_in_place_and_buttons_answer(browser: Browser) -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        other = await stage.user("Bob")

        async def answer(update: Wire) -> Response:
            query = update["callback_query"]
            await stage.call("answerCallbackQuery", callback_query_id=query["id"], text="On my way")
            return Response()

        stage.webhook.answer = answer
        await stage.set_webhook()
        async with opened(browser, stage, f"/?user={user}") as page:
            sent = await stage.call(
                "sendMessage", chat_id=user, text="<b>one</b> /help", parse_mode="HTML", reply_markup=GO
            )
            where = {"chat_id": user, "message_id": sent["message_id"]}
            await expect(page.locator(".bubble strong", has_text="one")).to_be_visible()
            await page.get_by_role("button", name="Go").click()
            await expect(page.get_by_text("On my way")).to_be_visible()
            await stage.call("editMessageText", **where, text="two")
            await expect(page.locator(".message", has_text="two")).to_contain_text("edited")
            await expect(page.locator(".message")).to_have_count(1)
            await expect(page.get_by_role("button", name="Go")).to_have_count(0)
            await stage.call("sendMessage", chat_id=other, text="for Bob")
            await expect(page.locator(".person", has_text="Bob").locator(".unread")).to_have_text("1")
            await stage.call("deleteMessage", **where)
            await expect(page.locator(".message")).to_have_count(0)


async def test_drafts_grow_and_stop_and_actions_show(browser: Browser) -> None:
    async with rehearsal(SandboxOptions(action_seconds=0.5)) as stage:
        await stage.set_webhook()
        user = await stage.user()
        async with opened(browser, stage, f"/?user={user}") as page:
            await expect(page.locator("#status")).to_have_text("bot")
            await stage.call("sendChatAction", chat_id=user, action="upload_photo")
            await expect(page.locator("#status")).to_have_text("sending a photo")
            await expect(page.locator("#status")).to_have_text("bot")
            draft = {"chat_id": user, "draft_id": 3, "can_stop": True}
            await stage.call("sendMessageDraft", **draft)
            await expect(page.get_by_text("Thinking…")).to_be_visible()
            await stage.call("sendMessageDraft", **draft, text="Once upon")
            await expect(page.locator("#draft .text")).to_have_text("Once upon")
            await page.get_by_role("button", name="Stop").click()
            await expect(page.locator("#draft")).to_be_empty()
        [stopped] = await stage.webhook.wait_for(1)
    assert stopped.update["stopped_message_generation"]["draft_id"] == 3


async def test_photos_spoilers_and_commands(browser: Browser) -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        user = await stage.user()
        await stage.call("setMyCommands", commands=[{"command": "draw", "description": "Draw it"}])
        await photo(stage, user, caption="sea", has_spoiler="true")
        async with opened(browser, stage, f"/?user={user}") as page:
            picture = page.locator(".bubble .photo")
            await expect(picture).to_have_class(re.compile("hidden"))
            await picture.click()
            await expect(picture).not_to_have_class(re.compile("hidden"))
            await picture.click()
            enlarged = page.locator("#photo img")
            await expect(enlarged).to_be_visible()
            assert await enlarged.evaluate("image => image.decode().then(() => image.naturalWidth)") == 600
            await page.keyboard.press("Escape")
            await expect(enlarged).not_to_be_visible()
            await page.locator("#text").press_sequentially("/dr")
            await expect(page.get_by_role("option", name="/draw")).to_be_visible()
            await page.keyboard.press("Enter")
            await expect(page.locator(".from-user")).to_contain_text("/draw")
        [command] = await stage.webhook.wait_for(1)
    assert command.text == "/draw"


async def test_paying_blocking_and_editing(browser: Browser) -> None:
    async with rehearsal() as stage:

        async def agree(update: Wire) -> Response:
            if query := update.get("pre_checkout_query"):
                await stage.call("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
            return Response()

        stage.webhook.answer = agree
        await stage.set_webhook()
        user = await stage.user()
        words = {"title": "Diamonds", "description": "A hundred", "payload": "p", "currency": "XTR"}
        async with opened(browser, stage, f"/?user={user}") as page:
            await stage.call("sendInvoice", chat_id=user, prices=[{"label": "x", "amount": 50}], **words)
            await page.locator(".inline button", has_text="Pay").click()
            await page.get_by_role("dialog").get_by_role("button", name="Pay").click()
            await expect(page.get_by_text("You paid ★ 50")).to_be_visible()
            await page.locator("#text").fill("frist")
            await page.keyboard.press("Enter")
            await expect(page.locator(".from-user")).to_contain_text("frist")
            await page.keyboard.press("ArrowUp")
            await page.locator("#text").fill("first")
            await page.keyboard.press("Enter")
            await expect(page.locator(".from-user")).to_contain_text("first")
            await page.get_by_title("Block the bot").click()
            await page.get_by_role("dialog").get_by_role("button", name="Block").click()
            await page.get_by_role("button", name="UNBLOCK", exact=True).click()
            await expect(page.locator("#composer")).to_be_visible()
        kinds = [next(key for key in one.update if key != "update_id") for one in stage.webhook.received]
    assert kinds[0] == "pre_checkout_query"
    assert sorted(kinds[1:]) == ["edited_message", "message", "message", "my_chat_member", "my_chat_member"]


async def test_a_phone_shows_one_pane_and_nothing_sticks_out(browser: Browser) -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        keyboard = {"keyboard": [["Fox", "Wolf"]], "one_time_keyboard": True}
        await photo(stage, user, caption="sea " * 40)
        await stage.call("sendMessage", chat_id=user, text="x" * 300, reply_markup=keyboard)
        async with opened(browser, stage, f"/?user={user}", width=390, height=780) as page:
            await page.get_by_role("button", name="Fox").click()
            await expect(page.locator(".from-user")).to_contain_text("Fox")
            await expect(page.get_by_role("button", name="Fox")).to_have_count(0)
            assert await page.evaluate("document.documentElement.scrollWidth") == 390
            assert await page.locator("#scroll").evaluate("box => box.scrollWidth - box.clientWidth") == 0
            await expect(page.locator("#sidebar")).not_to_be_visible()
            await expect(page.locator("#trouble")).to_contain_text("has not set a webhook")
            await page.get_by_role("button", name="Back").click()
            await expect(page.locator("#sidebar")).to_be_visible()
            await expect(page.locator("#chat")).not_to_be_visible()


@pytest.mark.slow
async def test_the_page_cannot_be_broken_out_of(browser: Browser) -> None:
    async with rehearsal() as stage:
        user = await stage.user("</script><script>alert(1)</script>")
        await stage.call("sendMessage", chat_id=user, text="<img src=x onerror=alert(1)>")
        async with opened(browser, stage, f"/?user={user}") as page:
            await expect(page.locator(".bubble")).to_contain_text("<img src=x onerror=alert(1)>")
            await expect(page.locator(".person")).to_contain_text("</script><script>alert(1)</script>")
        page_answer = await stage.http.get("/")
        missing = await stage.http.get("/page/..%2fapp.py")
    assert "default-src 'self'" in page_answer.headers["content-security-policy"]
    assert missing.status_code == 404
