"""Is the database the one that this code was written for?"""

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from jobs.db import schema
from jobs.db.queue import workers
from jobs.db.session import Database
from jobs.errors import Misconfigured
from tests.factories import execute

ROOT = Path(__file__).parents[3]


async def check(database: Database) -> None:
    async with database.transaction() as connection:
        await schema.require_current_schema(connection)


def test_the_code_wants_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head() == schema.HEAD


async def test_a_current_database_is_fine(database: Database) -> None:
    await check(database)


@pytest.mark.parametrize("found", ["0001", "9999"])
async def test_another_revision_is_named(database: Database, found: str) -> None:
    await execute(database, f"UPDATE alembic_version SET version_num = '{found}'")
    with pytest.raises(Misconfigured, match=rf"at schema {found}, this code wants {schema.HEAD}.*alembic upgrade head"):
        await check(database)


@pytest.mark.parametrize("statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
async def test_an_empty_database(database: Database, statement: str) -> None:
    await execute(database, statement)
    with pytest.raises(Misconfigured, match="no tables yet"):
        await check(database)


async def test_workers_that_are_silent_are_not_alive(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now()), (now() - interval '5 minutes')",
    )
    assert await workers.alive(database) == 2
