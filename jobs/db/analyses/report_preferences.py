"""How an owner wants their reports, whoever they are: an account of the REST API or a person in a chat."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_FORMATS = ("pdf",)


@dataclass(frozen=True)
class ReportPreferences:
    """`language`: None where they have not chosen one. There is always a format."""

    report_formats: tuple[str, ...] = DEFAULT_FORMATS
    language: str | None = None


READ = text("SELECT report_formats, language FROM preferences WHERE owner = :owner")
WRITE = text(
    "INSERT INTO preferences AS known (owner, report_formats, language) VALUES (:owner, :formats, :language)"
    " ON CONFLICT (owner) DO UPDATE SET report_formats = excluded.report_formats, language = excluded.language,"
    " updated_at = now()"
).bindparams(bindparam("formats", type_=ARRAY(Text)))


async def read(connection: AsyncConnection, owner: str) -> ReportPreferences:
    """Theirs, or what holds for everybody who has not said."""
    row = (await connection.execute(READ, {"owner": owner})).first()
    if row is None:
        return ReportPreferences()
    return ReportPreferences(tuple(row.report_formats) or DEFAULT_FORMATS, row.language)


async def write(
    connection: AsyncConnection, owner: str, *, report_formats: Sequence[str], language: str | None
) -> None:
    await connection.execute(WRITE, {"owner": owner, "formats": list(report_formats), "language": language})
