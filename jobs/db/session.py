"""How a process reaches the database: one pool, and one transaction at a time for whoever asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from jobs.settings import DatabaseSettings

CONNECT_SECONDS = 10
# a query of ours is short; one that takes this long is waiting for a database that is gone
QUERY_SECONDS = 30


class Database:
    """The only way to our tables. `transaction()` commits on success and rolls back on any exception."""

    def __init__(self, settings: DatabaseSettings, *, pool_size: int = 10) -> None:
        # a process keeps few connections ready, and pays for more only in a rush
        sizes: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "pool_timeout": CONNECT_SECONDS}
        statements: dict[str, Any] = {}
        if settings.database_pooled:
            # a pooler hands out another backend each time: no statement prepared earlier is there
            sizes = {"poolclass": NullPool}
            statements = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": _unique_statement_name}
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
        async with self.autocommit.connect() as connection:
            yield connection

    async def aclose(self) -> None:
        await self.engine.dispose()

    async def _connect(self, **_: Any) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_SECONDS,
            command_timeout=QUERY_SECONDS,
            statement_cache_size=0 if self.settings.database_pooled else 100,
            server_settings={"application_name": "postgen", "jit": "off"},
        )


def _unique_statement_name() -> str:
    return f"__postgen_{uuid4()}__"
