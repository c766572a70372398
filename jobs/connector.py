"""How the queue talks to PostgreSQL: over restarts, outages and silence, losing no wake-up and no result."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.connector import BaseConnector, Notify
from procrastinate.exceptions import AppNotOpen, ConnectorException
from psycopg.rows import DictRow, dict_row

from jobs.connections import LOST, Connection, Connections, Patience, connect, limited, sever
from jobs.errors import Misconfigured
from jobs.settings import DatabaseSettings, load

log = logging.getLogger(__name__)

# a fetch, the tickets that end meanwhile, the heartbeat, and one to spare
CONNECTIONS = 4
FIRST_PAUSE = 0.05

Connected = Callable[[], Awaitable[None]]


class QueueConnector(PsycopgConnector):
    """Reads its settings when it opens, so that importing an App needs no environment."""

    def __init__(
        self, settings: Callable[[], DatabaseSettings] | None = None, *, patience: Patience | None = None
    ) -> None:
        super().__init__()
        self.settings = settings or _from_environment
        self.patience = patience or Patience()
        self.connections: Connections | None = None
        self.listen_url = ""
        self.listeners: set[Connection] = set()
        self.leaving = False

    async def open_async(self, pool: Any = None) -> None:
        """Raises Misconfigured with one sentence when there is no address or nobody answers there."""
        if self.connections:
            return
        problem = ""
        self.leaving = False
        try:
            settings = self.settings()
            # a worker has few connections, and a pooler would keep neither their plans nor their options
            url = settings.listen_url if settings.database_pooled else settings.url
            pooler = settings.database_pooled and url == settings.url
            connections = Connections(url, size=CONNECTIONS, patience=self.patience, pooler=pooler)
            async with connections.borrow():
                self.listen_url = settings.listen_url
                self.connections = connections
        except Misconfigured as error:
            problem = error.detail
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            problem = f"PostgreSQL does not answer at DATABASE_URL: {reason}"
        if problem:
            # outside of the handlers: the command line prints an error's whole ancestry
            raise Misconfigured(problem)

    async def close_async(self) -> None:
        if self.connections:
            await self.connections.aclose()
            self.connections = None

    def sever(self) -> None:
        """Break off every statement that is still waiting for an answer, and LISTEN."""
        waiting = set(self.connections.busy) if self.connections else set()
        for connection in waiting | self.listeners:
            sever(connection)

    def leave(self) -> None:
        """As `sever`, for good: what breaks from now on is not worth a word."""
        self.leaving = True
        self.sever()

    def get_sync_connector(self) -> BaseConnector:
        return self

    async def run(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        """One statement, tried once. Raises ConnectorException."""
        rows: list[dict[str, Any]] = await self.execute_query_all_async(query, **arguments)
        return rows

    async def insist(self, query: str, within: float | None = None, **arguments: Any) -> list[dict[str, Any]]:
        """Run a statement that may run twice, again and again while the database cannot be reached."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (self.patience.repeat if within is None else within)
        pause = FIRST_PAUSE
        while True:
            try:
                return await self.run(query, **arguments)
            except (ConnectorException, OSError) as error:
                if not is_loss(error) or loop.time() > deadline:
                    raise
            await asyncio.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311 - spreads load, guards nothing
            pause = min(pause * 2, self.patience.pause)

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        await self.listen(on_notification, list(channels), _nothing)

    async def listen(self, on_notification: Notify, channels: list[str], on_connected: Connected) -> None:
        """Never returns and never fails. `on_connected` runs after each (re)connection: wake-ups before it are lost."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._listener() as connection:
                    await self._subscribe(connection, channels)
                    pause = FIRST_PAUSE
                    await on_connected()
                    await self._pass_on(connection, on_notification)
            except LOST as error:
                if pause == FIRST_PAUSE and not self.leaving:
                    log.warning("LISTEN connection lost, connecting again: %s", " ".join(str(error).split()))
            await asyncio.sleep(pause)
            pause = min(pause * 2, self.patience.pause)

    @contextlib.asynccontextmanager
    async def _listener(self) -> AsyncIterator[Connection]:
        async with await connect(self.listen_url, patience=self.patience, tuning={}) as connection:
            self.listeners.add(connection)
            try:
                yield connection
            finally:
                self.listeners.discard(connection)

    async def _subscribe(self, connection: Connection, channels: list[str]) -> None:
        with limited(connection, self.patience.query):
            for channel in channels:
                await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))

    async def _pass_on(self, connection: Connection, on_notification: Notify) -> None:
        while True:
            async for notification in connection.notifies(timeout=self.patience.listen):
                await on_notification(channel=notification.channel, payload=notification.payload)
            with limited(connection, self.patience.query):
                await connection.execute("SELECT 1")

    @contextlib.asynccontextmanager
    async def _get_cursor(
        self, connection: psycopg.AsyncConnection[Any] | None = None
    ) -> AsyncIterator[psycopg.AsyncCursor[DictRow]]:
        if self.connections is None:
            raise AppNotOpen
        borrowed = contextlib.nullcontext(connection) if connection else self.connections.borrow()
        async with borrowed as lent, lent.cursor(row_factory=dict_row) as cursor:
            yield cursor


def is_loss(error: BaseException) -> bool:
    """Whether the statement failed because the database could not be reached, and not because it was refused."""
    return isinstance(error, LOST) or isinstance(error.__cause__, LOST)


async def _nothing() -> None:
    pass


def _from_environment() -> DatabaseSettings:
    return load(DatabaseSettings)
