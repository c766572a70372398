"""The pages behind a real server, a worker that one lets run when one wants, and a browser that looks at them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from jobs.trees.telling import TreeProgress
from sandbox.llm.reading import reader
from sandbox.ollama import ScriptedOllama
from tests.api.live_api import LiveApi, live_api
from tests.api.opened_api import new_key
from tests.jobs.analysis.comparing import FEES, INVENTED, Desk, desk
from tests.jobs.growing import Garden

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


class OnStage(Protocol):
    @property
    def api(self) -> LiveApi: ...


@dataclass(frozen=True)
class Stage:
    api: LiveApi
    desk: Desk

    @property
    def garden(self) -> Garden:
        """The worker: nothing is done before it is told to."""
        return self.desk.garden

    async def key(self, owner: str = "account:anna") -> str:
        return await new_key(self.api.database, owner, name="the shop")


@asynccontextmanager
async def opened_stage(database_url: str) -> AsyncIterator[Stage]:
    async with (
        live_api(database_url) as api,
        desk(api.database, ScriptedOllama(reader(FEES, invented=[INVENTED]))) as worker,
    ):
        telling = TreeProgress(api.database, pause=0.1)
        task = asyncio.create_task(telling.run())
        yield Stage(api, replace(worker, resources=replace(worker.resources, tree_progress=telling)))
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def opened_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser, stage: OnStage, *, width: int = 1100, height: int = 800, language: str = "en-US"
) -> AsyncIterator[Page]:
    """A person with a browser of their own. A script error, a broken policy, a request to elsewhere fails the test."""
    problems: list[str] = []
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": height}, locale=language, base_url=stage.api.url, accept_downloads=True
    )
    context.set_default_timeout(15_000)
    try:
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.extend([said.text] if is_trouble(said) else []))
        page.on("request", lambda asked: problems.extend(foreign(asked.url, stage.api.url)))
        yield page
    finally:
        await context.close()
    assert problems == []


def is_trouble(said: ConsoleMessage) -> bool:
    """Not an answer such as 401, of which a browser tells too."""
    return said.type == "error" and not said.text.startswith("Failed to load resource")


def foreign(url: str, own: str) -> list[str]:
    return [] if url.startswith((own, "data:", "blob:", "about:")) else [url]


async def log_in(page: Page, key: str) -> None:
    await present(page, key)
    await page.wait_for_url("**/analyses")


async def present(page: Page, key: str, room: str = "/analyses") -> None:
    await page.goto(room)
    await page.locator("#key").fill(key)
    await page.keyboard.press("Enter")


async def is_within(page: Page, width: int) -> bool:
    """Nothing has to be scrolled sideways."""
    return int(await page.evaluate("document.documentElement.scrollWidth")) <= width
