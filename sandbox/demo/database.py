"""The demo's PostgreSQL: the one that DATABASE_URL names, or an embedded one that keeps its data."""

import asyncio
import shutil

import psycopg
from pydantic import SecretStr

from jobs.settings import DatabaseSettings
from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.postgres import EmbeddedPostgres

NAME = "postgen"


class DemoDatabase:
    """`given_url` (from the environment) wins, and then nothing is started or stopped."""

    def __init__(self, folder: DemoFolder, given_url: str | None) -> None:
        self.folder = folder
        self.given_url = given_url
        self.server: EmbeddedPostgres | None = None
        self.starting: asyncio.Future[str] | None = None

    async def start(self) -> str:
        """The address of a database that exists. Raises DemoFailed when the given one does not answer."""
        if self.given_url:
            return await _answering(DatabaseSettings(database_url=SecretStr(self.given_url)).url)
        # initdb and the server cannot be broken off half-way: `stop` waits for this
        self.starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        return await asyncio.shield(self.starting)

    async def stop(self) -> None:
        if self.starting:
            await asyncio.gather(self.starting, return_exceptions=True)
        if self.server:
            await asyncio.to_thread(self.server.stop)

    @property
    def pid(self) -> int | None:
        if not self.server:
            return None
        return int((self.server.data / "postmaster.pid").read_text().split()[0])

    def forget(self) -> None:
        """Removes the data of earlier runs."""
        if not self.given_url:
            _remove(EmbeddedPostgres(self.folder.postgres))

    def _start(self) -> str:
        self.server = server = EmbeddedPostgres(self.folder.postgres)
        complete = server.data.parent / f"{server.data.name}.complete"
        if not complete.exists():
            _remove(server)  # a first run that was killed may have left half a cluster
        server.start()
        with psycopg.connect(server.url()) as connection:
            exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if not exists:
            server.create_database(NAME)
        complete.touch()
        return server.url(NAME)


async def _answering(url: str) -> str:
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=5):
            return url
    except psycopg.Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DemoFailed(f"The database that DATABASE_URL names does not answer: {reason}") from None


def _remove(server: EmbeddedPostgres) -> None:
    server.stop()
    shutil.rmtree(server.data, ignore_errors=True)
    (server.data.parent / f"{server.data.name}.complete").unlink(missing_ok=True)
