"""The database of a command: open for as long as it runs, and a sentence where it does not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.schema import require_current_schema
from jobs.db.session import Database
from jobs.errors import Misconfigured
from jobs.settings import DatabaseSettings, load


@asynccontextmanager
async def opened_database() -> AsyncIterator[Database]:
    """Raises Misconfigured when it cannot be reached or is not the one that this code was written for."""
    database = Database(load(DatabaseSettings))
    try:
        async with database.transaction() as connection:
            await require_current_schema(connection)
        yield database
    except DATABASE_ERRORS as error:
        words = f"The database does not answer ({reason(error)}). Check DATABASE_URL and that PostgreSQL runs."
        raise Misconfigured(words) from None
    finally:
        await database.aclose()
