"""How a comparison is written down, from whichever door it was asked for. A job answers it; nobody has begun that."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.analyses import comparisons, report_preferences
from jobs.errors import InvalidInput
from jobs.safety import at_door

LONGEST_TITLE = 200
LONGEST_QUESTION = 2000
MOST_DOCUMENTS = 10


class Wording(BaseModel):
    """What somebody wrote themselves."""

    title: str
    question: str


@dataclass(frozen=True)
class Asked:
    """`language` and `report_formats`: None for what the owner prefers. `spoken`: where they prefer no language."""

    title: str
    documents: Sequence[UUID]
    looks_for: Sequence[str]
    question: str = ""
    model: str = ""
    language: str | None = None
    report_formats: Sequence[str] | None = None
    spoken: str = "en"


async def enter(connection: AsyncConnection, owner: str, asked: Asked) -> UUID:
    """The id of the comparison. Raises ContentBlocked, and InvalidInput that points at documents that are not there."""
    title, question = asked.title.strip(), asked.question.strip()
    await at_door.require_allowed(connection, owner, None, Wording(title=title, question=question))
    await _require_documents(connection, owner, asked.documents)
    preferred = await report_preferences.read(connection, owner)
    formats = preferred.report_formats if asked.report_formats is None else asked.report_formats
    comparison_id = uuid4()
    await comparisons.insert(
        connection, comparison_id, owner, asked.documents,
        title=title, looks_for=list(dict.fromkeys(asked.looks_for)), question=question, model=asked.model,
        language=asked.language or preferred.language or asked.spoken,
        report_formats=list(dict.fromkeys(formats)),
    )  # fmt: skip
    return comparison_id


async def _require_documents(connection: AsyncConnection, owner: str, asked: Sequence[UUID]) -> None:
    owned = await comparisons.hold_documents(connection, owner, asked)
    errors = [
        {"pointer": f"/documents/{number}", "detail": f"You have no document {each}."}
        for number, each in enumerate(asked)
        if each not in owned
    ]
    if errors:
        raise InvalidInput("Some of the documents are not there.", errors=errors, code="unknown_document")
