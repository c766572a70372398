"""What every measurement stands on: a durable PostgreSQL of its own, migrated databases, and a temporary folder."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from procrastinate.schema import SchemaManager

from bench.updates import FIRST_USER, SECRET, TOKEN
from sandbox.postgres import EmbeddedPostgres

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(sys.executable).parent
TEMPLATE, STOCK_TEMPLATE = "bench_template", "bench_stock_template"

PEOPLE = """
INSERT INTO telegram_users (user_id, first_name, language_code) SELECT n, 'Anna', 'en'
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
DIALOGS = """
WITH opened AS (
    INSERT INTO dialogs (user_id, persona) SELECT n, 'lina'
      FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n RETURNING id, user_id
)
UPDATE telegram_users AS person SET dialog_id = opened.id FROM opened WHERE person.user_id = opened.user_id
"""


# outlives us if we are killed; when we end, however, its input does too
GUARD = """
trap '' INT TERM HUP
cat >/dev/null
pid=$(head -1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && sleep 1
rm -rf "$1"
"""


@dataclass(frozen=True)
class Ground:
    postgres: EmbeddedPostgres
    folder: Path
    quick: bool

    @contextlib.contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The address of a new database with our schema, or with procrastinate's own and nothing else."""
        name = f"bench_{uuid4().hex[:8]}"
        url = self.postgres.create_database(name, template)
        try:
            yield url
        finally:
            self.postgres.drop_database(name)

    def environment(self, database_url: str = "", **settings: object) -> dict[str, str]:
        """Nothing of the person's own settings reaches a measured process."""
        system = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        ours = {
            "DATABASE_URL": database_url,
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_WEBHOOK_SECRET": SECRET,
            "MEDIA_URL": f"file:{self.folder / 'media'}",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            # this checkout is measured, wherever the installed one may be
            "PYTHONPATH": str(ROOT),
        }
        return {**system, **ours, **{name: str(value) for name, value in settings.items()}}


@contextlib.contextmanager
def prepared(*, quick: bool) -> Iterator[Ground]:
    # /tmp is memory on many systems; the figures are about a disk
    with tempfile.TemporaryDirectory(prefix="postgen-bench-", dir="/var/tmp") as path:
        folder = Path(path)
        folder.chmod(0o755)  # the account that PostgreSQL runs as must get through
        guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", folder], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        postgres = EmbeddedPostgres(folder / "data", durable=True)
        try:
            postgres.start()
            _make_templates(postgres)
            yield Ground(postgres, folder, quick)
        finally:
            postgres.stop()
            guard.communicate()


def _make_templates(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_database(TEMPLATE)
    subprocess.run(
        [PROGRAMS / "alembic", "upgrade", "head"],
        cwd=ROOT, env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DATABASE_URL": url}, check=True,
    )  # fmt: skip
    with psycopg.connect(postgres.create_database(STOCK_TEMPLATE)) as connection:
        connection.execute(SchemaManager.get_schema().encode())


def add_people(database_url: str, count: int) -> None:
    """Users from FIRST_USER on, each with an open dialog in which nothing is being answered."""
    values = {"first": FIRST_USER, "last": FIRST_USER + count - 1}
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (PEOPLE, DIALOGS):
            connection.execute(statement.encode(), values)
        connection.execute(b"ANALYZE")
        connection.execute(b"CHECKPOINT")
