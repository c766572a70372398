"""Somebody grows a world in a real browser, watches it without loading a page again, and walks about in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from jobs.trees.telling import TreeProgress
from sandbox.gemini_content import Content
from tests.api.live_api import LiveApi, live_api
from tests.api.opened_api import ANNA, BORIS, new_key
from tests.api.pages.pages_stage import CHROMIUM, is_within, opened_browser, present, visitor
from tests.api.test_worlds import media_folder
from tests.factories import execute, value
from tests.jobs.worlds.creation import Creation, creating

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]

PHONE = 390
PROMPT = "<b>A harbour</b> on a whale & {{ 7 * 7 }}"
LIVE = "window.unloaded = false"


@dataclass(frozen=True)
class Stage:
    api: LiveApi
    creation: Creation


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Stage]:
    async with live_api(database_url) as api, creating(api.database, media_folder(), Content()) as creation:
        telling = TreeProgress(api.database, pause=0.05)
        task = asyncio.create_task(telling.run())
        creation.resources = replace(creation.resources, tree_progress=telling)
        yield Stage(api, creation)
        task.cancel()
        await asyncio.wait([task])


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with opened_browser() as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with opened(database_url) as found:
        yield found


async def log_in(page: Page, stage: Stage, owner: str = ANNA) -> None:
    await present(page, await new_key(stage.api.database, owner), "/worlds")
    await page.wait_for_url("**/worlds")


async def work_until(stage: Stage, found: str) -> None:
    while not await value(stage.api.database, found):
        assert await stage.creation.work(3, at_once=3), "there is nothing left to do"


async def are_loaded(page: Page) -> bool:
    """Every picture that is in sight or above it."""
    return bool(
        await page.evaluate(
            "[...document.images].every((each) => each.loading === 'lazy' || (each.complete && each.naturalWidth > 0))"
        )
    )


async def test_a_world_grows_while_one_watches(browser: Browser, stage: Stage) -> None:
    async with visitor(browser, stage) as page:
        await log_in(page, stage)
        await expect(page.get_by_text("There are no worlds yet")).to_be_visible()
        await page.get_by_role("link", name="New world").click()
        await page.get_by_role("button", name="Grow the world").click()
        await expect(page.get_by_role("alert")).to_have_text("Write what the world is like.")
        await page.get_by_label("What is the world like?").fill(PROMPT)
        await page.get_by_label("People (1 to 50)").fill("51")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("The number of people is a whole number from 1 to 50.")
        await expect(page.get_by_label("What is the world like?")).to_have_value(PROMPT)
        await page.get_by_label("People (1 to 50)").fill("2")
        await page.get_by_label("Posts of all").fill("4")
        await page.keyboard.press("Enter")

        # as it grows: words, people, pictures, posts
        await page.wait_for_url("**/worlds/*-*")
        await page.evaluate(LIVE)
        await expect(page.get_by_role("heading", level=1)).to_have_text(PROMPT)
        await expect(page.locator(".state")).to_contain_text("waiting")
        await stage.creation.work(2, at_once=1)
        await expect(page.get_by_role("heading", level=1)).not_to_have_text(PROMPT)
        await expect(page.locator(".state")).to_contain_text("in progress")
        await expect(page.locator("[data-key=stage-description]")).to_contain_text("1 of 1")
        await expect(page.locator("[data-key=stage-posts] progress")).to_have_attribute("max", "4")
        await page.locator(".about > summary").press("Enter")
        # the last post fails: all the others are there
        last = "kind = 'generate_post' AND input->>'post' = '4'"
        await work_until(stage, f"SELECT count(*) FROM jobs WHERE {last}")
        failing = "UPDATE jobs SET status = 'failed', error = '{}', finished_at = now(), expires_at = now() + '1 day'"
        await execute(stage.api.database, f"{failing} WHERE {last}")
        await work_until(stage, "SELECT count(*) FROM posts WHERE image_media_id IS NOT NULL")
        await expect(page.locator("img.post-image").first).to_be_visible()
        await expect(page.locator(".person")).to_have_count(2)
        await stage.creation.work()
        await expect(page.locator(".state")).to_contain_text("some parts are missing")
        await expect(page.locator(".lacking")).to_contain_text("Posts: 1 of 4 missing.")
        await expect(page.locator(".post")).to_have_count(3)
        await expect(page.locator(".about")).to_have_attribute("open", "")
        await page.get_by_role("button", name="Try what failed again").click()
        await expect(page.locator(".state")).to_contain_text("in progress")
        await page.evaluate(LIVE)
        await stage.creation.work()
        await expect(page.locator(".state")).to_contain_text("completed")
        await expect(page.locator(".post")).to_have_count(4)
        assert await page.evaluate("window.unloaded === false"), "it was watched, not loaded again"
        assert await are_loaded(page)

        # one of its people, by the keyboard
        name = await page.locator(".person-name").nth(1).inner_text()
        await page.locator(".person").nth(1).focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/people/*")
        await expect(page.get_by_role("heading", level=1)).to_have_text(name)
        await expect(page.locator(".post")).to_have_count(2)
        assert await are_loaded(page)
        where = page.url
        await page.set_viewport_size({"width": PHONE, "height": 844})
        for address in (where, where.partition("/people")[0], "/worlds/new", "/worlds"):
            await page.goto(address)
            assert await is_within(page, PHONE), address

    async with visitor(browser, stage, width=PHONE, height=844, language="ru-RU") as stranger:
        await log_in(stranger, stage, BORIS)
        await expect(stranger.get_by_role("heading", level=1)).to_have_text("Миры")
        assert await is_within(stranger, PHONE)
        await stranger.goto(where)
        await expect(stranger.get_by_role("alert")).to_contain_text("ничего нет")
