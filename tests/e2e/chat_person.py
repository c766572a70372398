"""What a person does in the chat page and sees there: by the words on its buttons, never by the bot's inner names."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

# a phone, upright
WIDTH, HEIGHT = 390, 844
PATIENCE_MS = 30_000
# a folder for a picture of every step, for whoever wants to look at them
SHOTS = os.environ.get("CHAT_SCREENSHOTS", "")


class ChatPerson:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.shots = 0

    @property
    def messages(self) -> Locator:
        """Of the bot."""
        return self.page.locator(".message.from-bot[data-id]")

    @property
    def newest(self) -> Locator:
        return self.messages.last

    def buttons(self, words: str, *, exact: bool = False) -> Locator:
        """Below the bot's messages, the oldest first."""
        return self.page.locator(".inline").get_by_role("button", name=words, exact=exact)

    def photo(self, below: str | None = None) -> Locator:
        """A picture in the newest message that has one, or in the one with the words `below`."""
        return (self.messages.filter(has_text=below) if below else self.messages).locator(".photo img").last

    async def join(self, name: str) -> None:
        await self.page.get_by_role("button", name="Add a person").last.click()
        await self.page.get_by_label("Name", exact=True).fill(name)
        await self.page.keyboard.press("Enter")

    async def write(self, words: str) -> None:
        await self.page.locator("#text").fill(words)
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator(".from-user").last).to_contain_text(words)

    async def press(self, words: str, *, exact: bool = False) -> None:
        await self.buttons(words, exact=exact).last.click()

    async def agree(self, words: str) -> None:
        """To what the page asks."""
        await self.page.get_by_role("dialog").get_by_role("button", name=words).click()

    async def reads(self, *words: str) -> None:
        """In the newest message of the bot."""
        for each in words:
            await expect(self.newest).to_contain_text(each, timeout=PATIENCE_MS)

    async def is_told(self, words: str) -> None:
        """In a notice that goes by itself."""
        await expect(self.page.locator("#toast")).to_contain_text(words, timeout=PATIENCE_MS)

    async def sees(self, picture: Locator) -> tuple[int, int]:
        """Its size, once it is there to look at."""
        await expect(picture).to_be_visible(timeout=PATIENCE_MS)
        await picture.evaluate("image => image.decode()")
        width, height = await picture.evaluate("image => [image.naturalWidth, image.naturalHeight]")
        return width, height

    async def look(self, name: str) -> None:
        """Nothing may stick out of a phone's screen. A picture of it stays where SHOTS says."""
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= WIDTH, name
        assert await self.page.locator("#scroll").evaluate("box => box.scrollWidth <= box.clientWidth"), name
        if SHOTS:
            self.shots += 1
            await self.page.screenshot(path=Path(SHOTS) / f"{self.shots:02}-{name}.png", animations="disabled")


@asynccontextmanager
async def chat_person(browser: Browser, url: str) -> AsyncIterator[ChatPerson]:
    """Somebody who has just opened the page. An error of its script fails the test."""
    problems: list[str] = []
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        locale="en-US",
        has_touch=True,
        device_scale_factor=2 if SHOTS else 1,
    )
    try:
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(url)
        yield ChatPerson(page)
    finally:
        await context.close()
    assert problems == []
