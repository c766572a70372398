"""The REST app without its API: health, metrics, and a page that says what waits where."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from jobs.db.session import Database
from tests.api.opened_api import client, rest_app
from tests.factories import NOWHERE, execute, submit, worker

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = rest_app(url)
    async with client(app) as http:
        yield http
    await app.state.database.aclose()


async def test_alive_whatever_the_database_does() -> None:
    async with opened(NOWHERE) as http:
        assert (await http.get("/healthz")).text == "ok\n"


async def test_not_ready_without_a_database() -> None:
    async with opened(NOWHERE) as http:
        ready, page = await http.get("/readyz"), await http.get("/")
    assert ready.status_code == page.status_code == 503
    assert "The database does not answer." in page.text
    assert "secret" not in page.text


async def test_the_page_counts_and_tells_nothing_of_what_is_in_the_jobs(database_url: str, database: Database) -> None:
    async with worker(database) as resources:
        for _ in range(3):
            await submit(resources, "generate_image", {"prompt": "<b>my secret wish</b>"})
    async with opened(database_url) as http:
        page = await http.get("/")
    assert page.status_code == 200
    assert "gpu-0" in page.text
    assert "generate_image" in page.text
    assert "wish" not in page.text


async def test_names_from_the_database_are_text_and_not_markup(database_url: str, database: Database) -> None:
    await execute(database, "INSERT INTO jobs (kind, owner, queue) VALUES ('<script>alert(1)</script>', 'o', 'llm')")
    async with opened(database_url) as http:
        page = await http.get("/")
    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;" in page.text


async def test_metrics(database_url: str, database: Database) -> None:
    await execute(
        database, "INSERT INTO deliveries (key, channel, destination, status) VALUES ('k', 'telegram', '7', 'unknown')"
    )
    async with opened(database_url) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert 'postgen_deliveries{channel="telegram",status="unknown"} 1.0' in answer.text


def test_without_settings_it_says_which() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", "import api.app; api.app.app"], cwd=ROOT, env=environment, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("api: DATABASE_URL is not set.")
    assert "Traceback" not in done.stderr


def test_it_loads_neither_the_queue_nor_the_bots_framework() -> None:
    code = (
        "import sys; from api.app import app;"
        "print([n for n in ('procrastinate', 'psycopg', 'httpx', 'aiogram', 'PIL') if n in sys.modules])"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": NOWHERE}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
