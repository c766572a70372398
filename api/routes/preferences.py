"""/v1/preferences: how an account wants its reports."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.authentication import JobsCaller
from jobs.db.analyses import report_preferences
from jobs.db.analyses.report_preferences import ReportPreferences
from jobs.reports.formats import ReportFormat

router = APIRouter(prefix="/v1/preferences", tags=["documents"])

Language = Literal["en", "ru"]


def once_each(formats: list[ReportFormat]) -> list[ReportFormat]:
    return list(dict.fromkeys(formats))


Formats = Annotated[list[ReportFormat], AfterValidator(once_each), Field(min_length=1, max_length=4)]


class Preferences(BaseModel):
    """`report_formats`: made when a comparison completes that names none. `language`: of such a comparison's report."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"report_formats": ["pdf", "docx"]}})

    report_formats: Formats = Field(examples=[["pdf", "docx"]])
    language: Language | None = Field(default=None, description="None: the one that a request asks for, or English.")


@router.get("", summary="Read your preferences")
async def read(request: Request, caller: JobsCaller) -> Preferences:
    """What holds for everybody, as long as nothing was chosen."""
    async with request.app.state.database.statement() as connection:
        return _shown(await report_preferences.read(connection, caller.owner))


@router.put("", summary="Set your preferences")
async def write(request: Request, caller: JobsCaller, body: Preferences) -> Preferences:
    """All of them: what is left out is what holds for everybody."""
    async with request.app.state.database.statement() as connection:
        await report_preferences.write(
            connection, caller.owner, report_formats=body.report_formats, language=body.language
        )
    return body


def _shown(chosen: ReportPreferences) -> Preferences:
    return Preferences.model_validate({"report_formats": list(chosen.report_formats), "language": chosen.language})
