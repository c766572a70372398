"""Is the database the one that this code was written for?"""

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.errors import Misconfigured

# the newest revision in alembic/versions; a test holds the two together
HEAD = "0019"


async def require_current_schema(connection: AsyncConnection) -> None:
    """Raises Misconfigured when migrations are missing, or when the database is newer than this code."""
    try:
        found = (await connection.execute(text("select version_num from alembic_version"))).scalar()
    except ProgrammingError:
        found = None
    if found is None:
        raise Misconfigured("The database has no tables yet. Run: alembic upgrade head")
    if found != HEAD:
        raise Misconfigured(
            f"The database is at schema {found}, this code wants {HEAD}. Run: alembic upgrade head (with this release)"
        )
