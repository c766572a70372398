"""How a process reaches the database: one pool, and one transaction at a time for whoever asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from jobs.settings import DatabaseSettings

CONNECT_SECONDS = 10
# a query of ours is short; one that takes this long is waiting for a database that is gone
QUERY_SECONDS = 30
# a pooler refuses a client that wants to set these
DIRECT_ONLY = {"jit": "off"}


class Database:
    """The only way to our tables. `transaction()` commits on success and rolls back on any exception."""

    def __init__(self, settings: DatabaseSettings, *, pool_size: int = 10) -> None:
        # a process keeps few connections ready, and pays for more only in a rush
        sizes: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "pool_timeout": CONNECT_SECONDS}
        statements: dict[str, Any] = {}
        if settings.database_pooled:
            # a pooler hands out another backend each time: no statement prepared earlier is there, and a named one
            # would stay behind for good in the backend that had it
            statements = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
            # poolers drop who is idle, and so does the network around a process that was put to sleep
            sizes["pool_pre_ping"] = True
        self.settings = settings
        self.url = settings.url
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            connect_args={"async_creator_fn": self._connect, **statements},
            **sizes,
            hide_parameters=True,  # they are what people wrote
        )
        self.autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """For a single statement, which is a transaction by itself: spares the round trips of BEGIN and COMMIT."""
        # a pooler may send its halves, prepare and execute, to different backends: only a transaction keeps to one
        opened = self.engine.begin() if self.settings.database_pooled else self.autocommit.connect()
        async with opened as connection:
            yield connection

    async def aclose(self) -> None:
        await self.engine.dispose()

    async def _connect(self, **_: Any) -> "asyncpg.Connection[asyncpg.Record]":
        pooled = self.settings.database_pooled
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_SECONDS,
            command_timeout=QUERY_SECONDS,
            statement_cache_size=0 if pooled else 100,
            server_settings={"application_name": "postgen", **({} if pooled else DIRECT_ONLY)},
        )
