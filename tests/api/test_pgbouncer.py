"""Everything through a pgbouncer in transaction mode with nothing special in its settings; only LISTEN goes past it.

Its pool is small, so that statements of one client do land on different connections to PostgreSQL.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api.app import create_app
from jobs.companion.operating.registration import ALLOWED_UPDATES
from jobs.db.access import api_keys
from jobs.db.session import Database
from jobs.enqueue import Ticket, enqueue
from jobs.settings import (
    DatabaseSettings,
    LaneSettings,
    MediaSettings,
    PersonaSettings,
    PublicSettings,
    TelegramWebhookSettings,
)
from sandbox.bot_api.app import create_app as create_bot_api
from sandbox.bot_api.options import SandboxOptions
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.llm.scripted import ScriptedLlm
from sandbox.pgbouncer import PgBouncer, program
from sandbox.postgres import EmbeddedPostgres
from sandbox.serve import serving
from tests.conftest import ROOT
from tests.database_pool import DatabasePool
from tests.e2e.stack import PROCRASTINATE, until
from tests.factories import plain_tracebacks
from webhook.app import create_app as create_door

pytestmark = pytest.mark.skipif(program() is None, reason="pgbouncer is not installed: .ci/system-packages does it")

TOKEN, SECRET = "1000002:pooled", "pooled"
REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}
PICTURE = {"prompt": "a red fox", "width": 64, "height": 64}


@pytest.fixture(scope="module")
def pooler(postgres: EmbeddedPostgres) -> Iterator[PgBouncer]:
    with tempfile.TemporaryDirectory(prefix="postgen-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        started = PgBouncer(postgres, Path(folder), pool_size=3)
        started.start()
        try:
            yield started
        finally:
            started.stop()


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, databases: DatabasePool) -> Iterator[str]:
    """Of a database that no later test gets: the pooler goes on for a moment with connections to it that have ended."""
    name = databases.take()
    yield postgres.url(name)
    databases.drop(name)


@pytest.fixture
def settings(pooler: PgBouncer, database_url: str) -> DatabaseSettings:
    return DatabaseSettings(
        database_url=pooler.beside(database_url), database_listen_url=database_url, database_pooled=True, _env_file=None
    )


@pytest.fixture
async def database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    opened = Database(settings)
    yield opened
    await opened.aclose()


async def test_many_transactions_share_few_connections(database: Database) -> None:
    async def some(number: int) -> set[int]:
        pids = set()
        for step in range(10):
            async with database.transaction() as connection:
                query = text("SELECT pg_backend_pid(), CAST(:a AS int) + CAST(:b AS int), pg_sleep(0.01)")
                pid, total, _ = (await connection.execute(query, {"a": number, "b": step})).one()
                assert total == number + step
                pids.add(pid)
        return pids

    async with asyncio.timeout(60):
        found = set().union(*await asyncio.gather(*(some(number) for number in range(20))))
    assert 1 < len(found) <= 3


async def test_a_single_statement_is_not_torn_apart_between_two_connections(database: Database) -> None:
    """Prepared on one connection and run on another it failed, now and then: "prepared statement does not exist"."""
    async with database.statement() as connection:
        first = (await connection.execute(text("SELECT now(), pg_backend_pid()"))).one()
        second = (await connection.execute(text("SELECT now(), pg_backend_pid()"))).one()
    assert first == second, "prepare and execute are in one transaction, which keeps to one connection"


async def test_no_prepared_statement_stays_behind(database: Database) -> None:
    """They had names, and each transaction left some in a connection that other clients go on using."""
    for number in range(20):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT CAST(:number AS int)"), {"number": number})
    async with database.transaction() as connection:
        left = (await connection.execute(text("SELECT name FROM pg_prepared_statements WHERE name <> ''"))).all()
    assert left == []


async def test_a_client_that_the_pooler_dropped_comes_back_unnoticed(database: Database, pooler: PgBouncer) -> None:
    """A door that slept for an hour still has its connections, and they lead nowhere."""
    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1"))
    await asyncio.to_thread(pooler.stop)
    await asyncio.to_thread(pooler.start)
    async with database.transaction() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1


async def test_tickets_are_made_through_it(database: Database) -> None:
    """Their row type has to be looked up, in the middle of the transaction."""
    for _ in range(3):
        async with database.transaction() as connection:
            [ticket] = await enqueue(connection, [Ticket("run_job", {"job_id": str(uuid4())}, "llm")])
        assert ticket


async def test_a_lock_ends_with_its_transaction(database: Database) -> None:
    async def locked() -> bool:
        async with database.transaction() as connection:
            return bool((await connection.execute(text("SELECT pg_try_advisory_xact_lock(42)"))).scalar())

    assert [await locked() for _ in range(6)] == [True] * 6


class Pooled:
    """Both doors in this process, a worker of its own, and stand-ins for all that is outside."""

    def __init__(self, api: httpx.AsyncClient, telegram: httpx.AsyncClient, environment: dict[str, str]) -> None:
        self.api = api
        self.telegram = telegram
        self.environment = environment

    @asynccontextmanager
    async def worker(self, log: Path) -> AsyncIterator[None]:
        command = [str(PROCRASTINATE), "--app=jobs.worker.app", "worker", "--queues=gpu-0,llm,telegram,housekeeping"]
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command, env=self.environment, cwd=ROOT, stdout=file, stderr=file
            )
        try:
            yield
        finally:
            process.terminate()
            await process.wait()

    async def bot_said(self, user: int) -> list[dict[str, Any]]:
        messages = (await self.telegram.get(f"/sandbox/users/{user}/messages")).json()
        return [message for message in messages if message["from_bot"]]


@asynccontextmanager
async def pooled_system(settings: DatabaseSettings, folder: Path) -> AsyncIterator[Pooled]:
    plain_tracebacks()
    async with AsyncExitStack() as opened:
        llm_url = await opened.enter_async_context(serving(ScriptedLlm(["Through the pooler."] * 99).app))
        bot_url = await opened.enter_async_context(serving(create_bot_api([TOKEN], SandboxOptions(retry_scale=0.05))))
        comfyui = await opened.enter_async_context(ComfyServer(ComfySettings(seconds_per_picture=0.05), port=0))
        lanes = LaneSettings(comfyui_hosts=comfyui.host, _env_file=None)
        media = MediaSettings(media_url=f"file:{folder}/media", _env_file=None)
        personas = PersonaSettings(_env_file=None)
        app = create_app(settings, lanes, media, personas, PublicSettings(_env_file=None))
        api_url = await opened.enter_async_context(serving(app))
        telegram_settings = TelegramWebhookSettings(
            telegram_bot_token=TOKEN, telegram_webhook_secret=SECRET, _env_file=None
        )
        door_url = await opened.enter_async_context(
            serving(create_door(settings, telegram_settings, lanes, media, personas))
        )
        telegram = await opened.enter_async_context(httpx.AsyncClient(base_url=bot_url, trust_env=False))
        hook = {"url": f"{door_url}/telegram/webhook", "secret_token": SECRET, "allowed_updates": ALLOWED_UPDATES}
        (await telegram.post(f"/bot{TOKEN}/setWebhook", json=hook)).raise_for_status()
        headers = {"Authorization": f"Bearer {await new_key(app)}"}
        api = await opened.enter_async_context(
            httpx.AsyncClient(base_url=api_url, headers=headers, trust_env=False, timeout=60)
        )
        assert settings.database_url
        assert settings.database_listen_url
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "DATABASE_POOLED": "true",
            "DATABASE_LISTEN_URL": settings.database_listen_url.get_secret_value(),
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": bot_url,
            "COMFYUI_HOSTS": comfyui.host,
            "VENICE_BASE_URL": f"{llm_url}/v1",
            "MEDIA_URL": media.media_url,
            "WORKER_SHUTDOWN_GRACE": "2",
        }
        yield Pooled(api, telegram, environment)


async def new_key(app: FastAPI) -> str:
    async with app.state.database.transaction() as connection:
        key, _ = await api_keys.insert(connection, owner="account:anna", scopes=("jobs",))
    return key


async def test_jobs_of_both_doors_come_through(settings: DatabaseSettings, tmp_path: Path) -> None:
    async with pooled_system(settings, tmp_path) as system, system.worker(tmp_path / "worker.log"):
        user = (await system.telegram.post("/sandbox/users", json={"first_name": "Anna"})).json()["id"]
        await system.telegram.post(f"/sandbox/users/{user}/messages", json={"text": "hello"})
        bodies = [{"kind": "generate_reply", "input": REPLY}, {"kind": "generate_image", "input": PICTURE}] * 4
        wait = {"Prefer": "wait=50"}
        answers = await asyncio.gather(*(system.api.post("/v1/jobs", json=each, headers=wait) for each in bodies))
        log = (tmp_path / "worker.log").read_text()
        for answer in answers:
            assert answer.status_code == 200, (answer.text, log[-3000:])
            assert answer.json()["status"] == "completed", (answer.text, log[-3000:])
        media_id = answers[1].json()["result"]["media_id"]
        picture = await system.api.get(f"/v1/media/{media_id}")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        said = await until(lambda: system.bot_said(user), lambda found: len(found) >= 1)
        assert "Through the pooler." in str(said)
        ready = (await system.api.get("/readyz")).json()
        assert (ready["ready"], ready["listening"]) == (True, True)
    assert "prepared statement" not in (tmp_path / "worker.log").read_text()
