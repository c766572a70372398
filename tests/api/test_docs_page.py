"""/docs in a real browser without internet: it shows the document, takes a key, and sends what one tries out."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, Request, async_playwright, expect

from tests.api.live_api import LiveApi, live_api
from tests.api.opened_api import Api

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@asynccontextmanager
async def page_of(api: LiveApi, path: str) -> AsyncIterator[Page]:
    """A script error or a request to elsewhere fails the test."""
    problems: list[str] = []

    def look_at(request: Request) -> None:
        if not request.url.startswith((api.url, "data:")):
            problems.append(request.url)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            page = await browser.new_page()
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("request", look_at)
            await page.goto(api.url + path)
            yield page
        finally:
            await browser.close()
    assert problems == []


async def test_a_body_of_several_forms_has_an_example_of_each(api: Api) -> None:
    document = (await api.nobody.get("/openapi.json")).json()
    body = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"].keys() == body["schema"]["discriminator"]["mapping"].keys()
    assert {name: example["value"]["kind"] for name, example in body["examples"].items()} == {
        name: name for name in body["examples"]
    }


async def test_the_assets_are_served_and_nothing_beside_them(api: Api) -> None:
    page = await api.nobody.get("/docs")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len([each for each in named if each.startswith("/docs/assets/")]) == 2
    assert [each for each in named if not each.startswith(("/", "data:"))] == []
    for each in named:
        if each.startswith("/"):
            assert (await api.nobody.get(each)).status_code == 200, each
    for path in ("/docs/assets/nothing.js", "/docs/assets/../core.py", "/docs/assets/%2e%2e/core.py"):
        answer = await api.nobody.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
async def test_a_request_can_be_tried_out_with_a_key(database_url: str) -> None:
    async with live_api(database_url) as api:
        key = api.anna.headers["Authorization"].removeprefix("Bearer ")
        async with page_of(api, "/docs") as page:
            await page.click("button.authorize")
            await page.fill(".auth-container input", key)
            await page.click(".auth-btn-wrapper .authorize")
            await page.click(".auth-btn-wrapper .btn-done")
            block = page.locator("#operations-jobs-create_v1_jobs_post")
            await block.locator(".opblock-summary-control").click()
            await block.locator(".try-out__btn").click()
            await block.locator(".examples-select select").select_option("generate_reply")
            await expect(block.locator("textarea.body-param__text")).to_have_value(re.compile("generate_reply"))
            await block.locator(".execute").click()
            await expect(block.locator(".live-responses-table .response .response-col_status").first).to_contain_text(
                "202"
            )
        jobs = (await api.anna.get("/v1/jobs")).json()["jobs"]
    assert [(job["kind"], job["status"]) for job in jobs] == [("generate_reply", "pending")]
    assert json.dumps(jobs).count("What are you reading?") == 1
