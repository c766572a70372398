"""From a form to a comparison and its job, in one transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from api.pages.visits import MemberVisit
from api.requests import comparison_making
from api.requests.acceptance import Acceptance
from api.requests.comparison_making import ComparisonRequest
from jobs.db.analyses import documents, report_preferences
from jobs.errors import InvalidInput


@dataclass(frozen=True)
class Given:
    """The form as it stands."""

    title: str = ""
    documents: tuple[str, ...] = ()
    looks_for: tuple[str, ...] = ("differences", "contradictions")
    question: str = ""
    model: str = ""
    language: str = "en"
    report_formats: tuple[str, ...] = ("pdf",)
    remember: bool = False


async def begin(visit: MemberVisit, given: Given) -> UUID:
    """The id of the comparison. Raises InvalidInput, ContentBlocked, Forbidden, TooManyRequests."""
    state, asked = visit.request.app.state, _asked(given)
    async with state.database.transaction() as connection:
        known = await documents.get_many(connection, visit.caller.owner, asked.documents)
        uploaded = {each.id: each.created_at for each in known}
        # the earlier one is what the later ones are compared with; who is unknown is told of below
        asked.documents.sort(key=lambda each: uploaded.get(each, datetime.min.replace(tzinfo=UTC)))
        acceptance = Acceptance(connection, visit.caller, state.intake, state.personas)
        job = await comparison_making.make(acceptance, asked)
        if given.remember:
            await report_preferences.write(
                connection, visit.caller.owner, report_formats=given.report_formats, language=given.language
            )
    return UUID(job.input["comparison_id"])


def _asked(given: Given) -> ComparisonRequest:
    fields = {name: value for name, value in vars(given).items() if name != "remember"}
    try:
        return ComparisonRequest.model_validate(fields)
    except ValidationError as error:
        [first, *_] = error.errors()
        raise InvalidInput(f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()) from None
