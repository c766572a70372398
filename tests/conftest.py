"""A real PostgreSQL for the whole run, a migrated template in it, and a copy of it for each test that asks."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from sandbox.postgres import EmbeddedPostgres
from tests.database_pool import DatabasePool
from webhook import aiogram_import

# every process of the tests imports the tests of the bot: this way aiogram is as quick as in the webhook app
assert aiogram_import

ROOT = Path(__file__).parent.parent
TEMPLATE = "postgen_template"


@pytest.fixture(scope="session", autouse=True)
def empty_environment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in ("DATABASE_URL", "TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "COMFYUI_HOSTS", "PUBLIC_URL"):
        os.environ.pop(name, None)
    os.environ["MEDIA_URL"] = f"file:{tmp_path_factory.mktemp('media')}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    # in a folder that the unprivileged account may enter: pytest's own are closed to it
    with tempfile.TemporaryDirectory(prefix="postgen-tests-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        server.start()
        # a login that takes no time: thousands of connections are made in a run
        server.execute(f"SET scram_iterations = 1; ALTER ROLE postgres PASSWORD '{server.password}'")
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    url = postgres.create_database(TEMPLATE)
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT, env={**os.environ, "DATABASE_URL": url, "PYTHONSAFEPATH": "1"}, check=True,
    )  # fmt: skip
    return TEMPLATE


@pytest.fixture(scope="session")
def databases(postgres: EmbeddedPostgres, template: str) -> Iterator[DatabasePool]:
    pool = DatabasePool(postgres, template)
    yield pool
    pool.close()


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, databases: DatabasePool) -> Iterator[str]:
    """The address of a migrated database that is this test's alone."""
    name = databases.take()
    yield postgres.url(name)
    databases.give_back(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(DatabaseSettings(database_url=database_url))
    yield opened
    await opened.aclose()
