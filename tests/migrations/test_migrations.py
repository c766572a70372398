"""`alembic upgrade head`: up, down and up again, the same tables as in the code, and plain words when it cannot."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from jobs.db.schema import HEAD
from jobs.db.tables.every import metadata
from sandbox.postgres import EmbeddedPostgres
from tests.factories import NOWHERE

ROOT = Path(__file__).parents[2]

OBJECTS = """
SELECT kind, name, definition FROM (
    SELECT 'column' AS kind, table_name || '.' || column_name AS name,
        data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS definition
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
    UNION ALL SELECT 'function', oid::regprocedure::text, md5(prosrc)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'type', oid::regtype::text, typtype::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
) everything ORDER BY 1, 2, 3
"""


def alembic(*arguments: str, url: str | None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if name != "DATABASE_URL"}
    if url:
        environment["DATABASE_URL"] = url
    return subprocess.run(
        [Path(sys.executable).parent / "alembic", "-c", ROOT / "alembic.ini", *arguments], cwd=cwd, env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def done(*arguments: str, url: str) -> str:
    finished = alembic(*arguments, url=url)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout + finished.stderr


def objects(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(OBJECTS.encode()).fetchall()


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"empty_{uuid4().hex[:12]}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


def test_up_down_and_up_again(empty_url: str) -> None:
    nothing = objects(empty_url)
    done("upgrade", "head", url=empty_url)
    everything = objects(empty_url)
    names = {name for kind, name, _ in everything if kind == "type"}
    assert {*metadata.tables, "procrastinate_jobs", "procrastinate_workers"} <= names
    done("downgrade", "base", url=empty_url)
    left = [each for each in objects(empty_url) if "alembic_version" not in each[1]]
    assert left == nothing, "nothing of ours or of the queue's stays behind"
    done("upgrade", "head", url=empty_url)
    assert objects(empty_url) == everything


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    before = objects(database_url)
    done("upgrade", "head", url=database_url)
    assert objects(database_url) == before


def test_the_tables_are_those_of_the_code(database_url: str) -> None:
    assert "No new upgrade operations detected" in done("check", url=database_url)


def test_there_is_one_newest_revision_and_the_code_wants_it() -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    assert scripts.get_heads() == [HEAD]
    assert len(list(scripts.walk_revisions())) == int(HEAD)


@pytest.mark.slow
def test_two_deployments_at_the_same_time_take_turns(empty_url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": empty_url}
    command = [str(Path(sys.executable).parent / "alembic"), "upgrade", "head"]
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in both]
    assert [code for _, code in ends] == [0, 0], ends
    assert "No new upgrade operations detected" in done("check", url=empty_url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (None, "alembic: DATABASE_URL is not set."),
        (NOWHERE, "alembic: PostgreSQL does not answer at DATABASE_URL"),
        ("nonsense", "alembic: "),
        ("postgresql://u:very-secret@127.0.0.1:port/d", "alembic: "),
    ],
    ids=["missing", "nobody there", "no address", "no port"],
)
def test_what_cannot_be_reached_is_one_sentence(url: str | None, words: str, tmp_path: Path) -> None:
    finished = alembic("upgrade", "head", url=url, cwd=tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.startswith(words)
    assert "Traceback" not in finished.stderr
    assert "secret" not in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_password_with_percent_signs_and_slashes(postgres: EmbeddedPostgres, empty_url: str) -> None:
    """Given in parts, as raw text: configparser and URLs both have a meaning for these."""
    password = "a%b/c:d@e?f#g%20 'h"
    name = f"odd_{uuid4().hex[:8]}"
    quoted = password.replace("'", "''")
    postgres.execute(f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{quoted}'")
    environment = {
        **{key: text for key, text in os.environ.items() if key != "DATABASE_URL"},
        "DB_HOST": "127.0.0.1", "DB_PORT": str(postgres.port), "DB_USER": name, "DB_PASSWORD": password,
        "DB_NAME": empty_url.rpartition("/")[2],
    }  # fmt: skip
    finished = subprocess.run(
        [Path(sys.executable).parent / "alembic", "upgrade", "head"], cwd=ROOT, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    assert "No new upgrade operations detected" in done("check", url=empty_url)
