"""A PostgreSQL of these tests' own: they stop it, start it and pull its plug."""

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.postgres import EmbeddedPostgres
from tests.conftest import ROOT, TEMPLATE
from tests.faults.workers import Workers
from tests.jobs.queue_probe import TABLE, rows


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="postgen-faults-") as folder:
        Path(folder).chmod(0o755)
        # with crash recovery, or pulling the plug would lose more than it does in production
        own = EmbeddedPostgres(Path(folder) / "data", settings={"fsync": "off"})
        own.start()
        own.wanted_port = own.port
        subprocess.run(
            [sys.executable, "-m", "alembic", "upgrade", "head"], cwd=ROOT, check=True,
            env={**os.environ, "DATABASE_URL": own.create_database(TEMPLATE), "PYTHONSAFEPATH": "1"},
        )  # fmt: skip
        try:
            yield own
        finally:
            own.stop()


@pytest.fixture
async def url(server: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    address = server.create_database(name, TEMPLATE)
    await rows(address, TABLE)
    yield address
    server.drop_database(name)


@pytest.fixture
def workers(url: str) -> Iterator[Workers]:
    started = Workers(url)
    yield started
    started.kill_all()
