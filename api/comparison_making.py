"""From a request to a comparison and the job that answers it, for /v1/comparisons and for pages with the same form."""

from typing import Annotated, Any, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.acceptance import Acceptance
from api.job_request import JobRequest, RunOllamaAnalysis
from jobs.analysis.asked import Language, LooksFor
from jobs.db import comparisons, report_preferences
from jobs.db.jobs import Job
from jobs.errors import InvalidInput
from jobs.kinds import run_ollama_analysis
from jobs.reports.formats import ReportFormat
from jobs.safety import at_door
from jobs.storable import is_storable

MOST_DOCUMENTS = 10
LONGEST_TITLE = 200
LONGEST_QUESTION = 2000
EXAMPLE: dict[str, Any] = {
    "title": "Lease, January and March",
    "documents": ["6f1c1a52-3b47-4c0e-9a55-0d8a0f5f1c11", "9b0f6a0e-0a5d-4df2-8f5e-6f3c8e8f7a22"],
    "looks_for": ["differences", "risks"],
    "question": "Which notice periods changed?",
    "language": "en",
    "report_formats": ["pdf"],
}


class Wording(BaseModel):
    """What the caller wrote themselves."""

    title: str
    question: str


class ComparisonRequest(JobRequest):
    """Documents to compare, and what to look for in them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    documents: Annotated[list[UUID], Field(min_length=2, max_length=MOST_DOCUMENTS)] = Field(
        description="Ids of your documents. Those that are still being read are waited for."
    )
    looks_for: list[LooksFor] = Field(default=["differences"], max_length=5)
    question: str = Field(default="", max_length=LONGEST_QUESTION, description="What else you want to know.")
    model: str = Field(
        default="",
        max_length=200,
        pattern=r"^[\w./:@-]*$",
        description="A model that the provider has; the operator's choice, if left out.",
    )
    language: Language | None = Field(
        default=None, description="Of findings and report. Your preference, or English, if left out."
    )
    report_formats: Annotated[list[ReportFormat], Field(max_length=4)] | None = Field(
        default=None, description="Reports to make by themselves. Your preference, if left out."
    )

    @model_validator(mode="after")
    def can_be_answered(self) -> Self:
        if len(set(self.documents)) < len(self.documents):
            raise ValueError("documents: each of them is named once")
        if not (self.looks_for or self.question.strip()):
            raise ValueError("say what to look for: looks_for, or a question")
        if not self.title.strip() or not is_storable(self.title + self.question):
            raise ValueError("the title is blank, or a text holds a zero byte or half a character")
        return self


async def make(acceptance: Acceptance, asked: ComparisonRequest) -> Job:
    """The job; its input names the comparison. Raises what `Acceptance.accept` raises."""
    connection, owner = acceptance.connection, acceptance.caller.owner
    question = asked.question.strip()
    await at_door.require_allowed(connection, owner, None, Wording(title=asked.title, question=question))
    await _require_documents(acceptance, asked.documents)
    preferred = await report_preferences.read(connection, owner)
    comparison_id = uuid4()
    await comparisons.insert(
        connection, comparison_id, owner, asked.documents,
        title=asked.title.strip(), looks_for=list(dict.fromkeys(asked.looks_for)), question=question,
        model=asked.model, language=asked.language or preferred.language or "en",
        report_formats=list(dict.fromkeys(asked.report_formats or []))
        if asked.report_formats is not None
        else list(preferred.report_formats),
    )  # fmt: skip
    of_the_job = asked.model_dump(include=set(JobRequest.model_fields), exclude_unset=True)
    given = run_ollama_analysis.Input(comparison_id=comparison_id)
    return await acceptance.accept(RunOllamaAnalysis(kind="run_ollama_analysis", input=given, **of_the_job))


async def _require_documents(acceptance: Acceptance, asked: list[UUID]) -> None:
    owned = await comparisons.hold_documents(acceptance.connection, acceptance.caller.owner, asked)
    errors = [
        {"pointer": f"/documents/{number}", "detail": f"You have no document {each}."}
        for number, each in enumerate(asked)
        if each not in owned
    ]
    if errors:
        raise InvalidInput("Some of the documents are not there.", errors=errors, code="unknown_document")
