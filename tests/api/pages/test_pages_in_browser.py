"""Somebody compares two contracts in a real browser: what they type, choose and see, without loading a page again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.api.pages.pages_stage import (
    CHROMIUM,
    Stage,
    is_within,
    log_in,
    opened_browser,
    opened_stage,
    present,
    visitor,
)
from tests.jobs.analysis.comparing import contract

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]

OLD_TEXT, NEW_TEXT = "\n\n".join(contract()), "\n\n".join(contract(changed=True))
NEW_NAME = "<b>new<b>.txt"
OLD: FilePayload = {"name": "договор.txt", "mimeType": "text/plain", "buffer": OLD_TEXT.encode()}
NEW: FilePayload = {"name": NEW_NAME, "mimeType": "text/plain", "buffer": NEW_TEXT.encode()}
JUNK: FilePayload = {"name": "junk.pdf", "mimeType": "application/pdf", "buffer": bytes(range(256)) * 20}
TITLE = "<script>alert(1)</script> & {{ 7 * 7 }}"
DROPPED = """([name, text]) => {
  const given = new DataTransfer();
  given.items.add(new File([text], name, {type: "text/plain"}));
  for (const type of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(type, {dataTransfer: given, bubbles: true, cancelable: true});
    document.getElementById("drop").dispatchEvent(event);
  }
}"""

TOO_LARGE = """() => {
  const given = new DataTransfer();
  given.items.add(new File([new ArrayBuffer(50 * 1024 * 1024 + 1)], "large.pdf"));
  document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer: given, bubbles: true}));
}"""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with opened_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with opened_stage(database_url) as opened:
        yield opened


async def mark(page: Page) -> None:
    await page.evaluate("window.unloaded = false")


async def is_the_same_page(page: Page) -> bool:
    return bool(await page.evaluate("window.unloaded === false"))


async def begin(page: Page, title: str) -> None:
    await page.goto("/analyses/new")
    await page.locator("#files").set_input_files([OLD, NEW])
    await expect(page.locator("#documents input:checked")).to_have_count(2)
    await page.locator("#title").fill(title)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/analyses/*-*")


async def test_two_contracts_are_compared_while_one_watches(browser: Browser, stage: Stage) -> None:
    key = await stage.key()
    async with visitor(browser, stage) as page:
        await present(page, "pg_nobody_knows")
        await expect(page.get_by_role("alert")).to_contain_text("not known")
        await log_in(page, key)
        await expect(page.get_by_text("There are no analyses yet")).to_be_visible()

        # documents: chosen, dropped, refused; and read while the form is open
        await page.get_by_role("link", name="New analysis").click()
        await mark(page)
        rows = page.locator("#documents li")
        await page.locator("#files").set_input_files([OLD, JUNK])
        await expect(rows).to_have_count(2)
        await expect(rows.nth(1).locator(".bad")).to_be_visible()
        await page.evaluate(DROPPED, [NEW_NAME, NEW_TEXT])
        await expect(rows).to_have_count(3)
        await expect(rows.nth(2)).to_contain_text("<b>new<b>.txt")
        await expect(rows.nth(2)).to_contain_text("being read")
        await rows.nth(2).get_by_role("checkbox").uncheck()
        await stage.garden.run_off()
        await expect(rows.nth(0)).to_contain_text("characters:")
        await expect(rows.nth(2)).to_contain_text("characters:")
        await page.evaluate(TOO_LARGE)
        await expect(rows.nth(3).locator(".bad")).to_contain_text("A document may have 50 MB")
        assert await is_the_same_page(page)

        # what is missing is said, and nothing that was entered is lost
        await page.get_by_label("Title").fill(TITLE)
        await expect(rows.nth(2).get_by_role("checkbox")).not_to_be_checked()
        await page.get_by_role("button", name="Start the analysis").click()
        await expect(page.get_by_role("alert")).to_have_text("Choose at least two documents.")
        await expect(page.get_by_label("Title")).to_have_value(TITLE)
        await page.get_by_label("<b>new<b>.txt").check()
        await page.get_by_label("differences").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await expect(page.get_by_label("contradictions")).not_to_be_checked()
        await page.get_by_label("Title").press("Enter")

        # its way, from waiting to the report
        await page.wait_for_url("**/analyses/*-*")
        await mark(page)
        await expect(page.locator(".state")).to_contain_text("waiting")
        await stage.garden.run_off(at_once=1, most=2)
        await expect(page.locator(".state")).to_contain_text("in progress")
        await expect(page.locator("#progress-words")).to_have_text("Compared parts: 1 of 3")
        # the look that comes with its end fails: it is not the last one
        await page.route("**/state", lambda route: route.abort(), times=1)
        await stage.garden.run_off(at_once=1)
        await expect(page.locator(".state")).to_contain_text("completed")
        assert await is_the_same_page(page)
        await expect(page.get_by_role("heading", level=1)).to_have_text(TITLE)
        await expect(page.locator("#finding-2 h3")).to_have_text("2. The fee for matter 9")
        await expect(page.locator("#finding-2 blockquote").nth(1)).to_have_text(
            "The fee for matter 9 is 1509 euros a month."
        )
        await expect(page.locator("#finding-2 figcaption").nth(1)).to_contain_text("<b>new<b>.txt, part ")
        await expect(page.locator(".report")).to_contain_text("because they stand nowhere in the documents")
        await page.get_by_role("link", name="The fee for matter 9").click()
        assert page.url.endswith("#finding-2")

        # files: one that was made, one that is made now
        async with page.expect_download() as saved:
            await page.get_by_role("link", name="PDF").click()
        assert (await (await saved.value).path()).read_bytes().startswith(b"%PDF-")
        making = asyncio.create_task(late(stage))
        async with page.expect_download() as saved:
            await page.get_by_role("link", name="DOCX").click()
        await making
        assert (await saved.value).suggested_filename == "script alert 1 script 7 7.docx"

        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Delete").click()
        await expect(page.get_by_text("There are no analyses yet")).to_be_visible()
        await page.get_by_role("button", name="Log out", exact=True).click()
        await page.goto("/analyses/new")
        await expect(page.get_by_role("heading", name="Log in")).to_be_visible()


async def late(stage: Stage) -> None:
    """Works off the job that the door makes."""
    while not await stage.garden.tickets():  # noqa: ASYNC110 - it comes from the database
        await asyncio.sleep(0.05)
    await stage.garden.run_off()


@pytest.mark.slow
async def test_on_a_phone_in_russian_it_fails_is_tried_again_and_is_cancelled(browser: Browser, stage: Stage) -> None:
    key = await stage.key()
    async with visitor(browser, stage, width=390, height=844, language="ru-RU") as page:
        await page.goto("/analyses")
        assert await is_within(page, 390)
        await log_in(page, key)
        await expect(page.get_by_role("heading", name="Анализ документов")).to_be_visible()
        await begin(page, "Договоры " + "ж" * 120)
        assert await is_within(page, 390)
        await page.get_by_role("button", name="Отменить").click()
        await expect(page.locator(".state")).to_contain_text("отменено")

        async with visitor(browser, stage, language="ru-RU") as other:
            await log_in(other, key)
            await expect(other.locator(".card")).to_contain_text("отменено")
            await mark(other)
            await page.get_by_role("button", name="Повторить").click()
            await expect(page.locator(".state")).to_contain_text("ожидает")
            await expect(other.locator(".card")).to_contain_text("ожидает")
            await stage.garden.run_off(at_once=1)
            await expect(page.locator(".state")).to_contain_text("готово")
            await expect(other.locator(".card")).to_contain_text("готово")
            assert await is_the_same_page(other)
        await expect(page.locator(".report h2").first).to_have_text("Документы")
        assert await is_within(page, 390)
        await page.get_by_role("link", name="English").click()
        await expect(page.locator(".state")).to_contain_text("completed")
        await page.goto("/analyses")
        assert await is_within(page, 390)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"

        # what one tab deletes, another does not go on showing
        await begin(page, "Short-lived")
        tab = await page.context.new_page()
        await tab.goto(page.url)
        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Delete").click()
        await expect(tab.get_by_role("alert")).to_contain_text("nothing here")
