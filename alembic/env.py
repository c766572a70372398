"""Runs migrations against DATABASE_URL. The queue's own tables come from a revision; autogenerate leaves them alone."""

import sys

import sqlalchemy as sa
from alembic import context

from jobs.db.tables.every import metadata
from jobs.errors import Misconfigured
from jobs.settings import DatabaseSettings, load

OUR_LOCK = 7_236_451


def is_ours(name: str | None, kind: str, parents: object) -> bool:
    del parents
    return not (kind == "table" and (name or "").startswith("procrastinate_"))


def run() -> None:
    url = sa.make_url(load(DatabaseSettings).url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_name=is_ours,
            compare_server_default=True,
        )
        with context.begin_transaction():
            # two deployments that start together take turns; the second finds the work done
            connection.execute(sa.text("select pg_advisory_xact_lock(:key)"), {"key": OUR_LOCK})
            context.run_migrations()


try:
    run()
except Misconfigured as error:
    sys.exit(f"alembic: {error.detail}")
except sa.exc.OperationalError as error:
    sys.exit(f"alembic: PostgreSQL does not answer at DATABASE_URL: {str(error.orig).strip().splitlines()[0]}")
