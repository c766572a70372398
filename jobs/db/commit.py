"""A transaction that outlives an outage of the database, for results that cost too much to lose."""

from collections.abc import Awaitable, Callable

import stamina
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.session import Database

LONGEST_OUTAGE = 600.0
DATABASE_ERRORS = (OSError, SQLAlchemyError)
# deadlock, serialization failure, and the server's own ways of saying that it is going down or not up yet
PASSING_SQLSTATES = {"40P01", "40001", "57P01", "57P02", "57P03", "53300"}


async def commit(
    database: Database, write: Callable[[AsyncConnection], Awaitable[None]], *, alone: bool = False
) -> None:
    """Tried again while the database is away. A commit whose answer was lost may have happened: `write` must notice.

    `alone`: what it writes is a single statement.
    """
    async for attempt in stamina.retry_context(on=may_pass, attempts=None, timeout=LONGEST_OUTAGE, wait_max=2.0):
        with attempt:
            async with database.statement() if alone else database.transaction() as connection:
                await write(connection)


def may_pass(error: Exception) -> bool:
    """Is this the database being away or busy, rather than a statement that is wrong?"""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in PASSING_SQLSTATES
    return isinstance(error, OSError | PoolTimeoutError)


def reason(error: BaseException) -> str:
    """What the driver said, in one line and without the statement."""
    words = str(getattr(error, "orig", None) or error).strip().splitlines()
    return words[0].rpartition(">: ")[2] if words else type(error).__name__
