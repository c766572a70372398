"""From a request to a comparison and the job that answers it, for /v1/comparisons and for pages with the same form."""

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from api.requests.acceptance import Acceptance
from api.requests.job_request import JobRequest, RunOllamaAnalysis
from jobs.analysis.asked import Language, LooksFor
from jobs.analysis.entering import LONGEST_QUESTION, LONGEST_TITLE, MOST_DOCUMENTS, Asked, enter
from jobs.db.work.jobs import Job
from jobs.kinds import run_ollama_analysis
from jobs.reports.formats import ReportFormat
from jobs.storable import is_storable

__all__ = ["MODEL_NAME", "MOST_DOCUMENTS", "ComparisonRequest", "make"]

MODEL_NAME = r"^[\w./:@-]*$"
EXAMPLE: dict[str, Any] = {
    "title": "Lease, January and March",
    "documents": ["6f1c1a52-3b47-4c0e-9a55-0d8a0f5f1c11", "9b0f6a0e-0a5d-4df2-8f5e-6f3c8e8f7a22"],
    "looks_for": ["differences", "risks"],
    "question": "Which notice periods changed?",
    "language": "en",
    "report_formats": ["pdf"],
}


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
        pattern=MODEL_NAME,
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
    fields = asked.model_dump(exclude=set(JobRequest.model_fields))
    comparison_id = await enter(acceptance.connection, acceptance.caller.owner, Asked(**fields))
    of_the_job = asked.model_dump(include=set(JobRequest.model_fields), exclude_unset=True)
    given = run_ollama_analysis.Input(comparison_id=comparison_id)
    return await acceptance.accept(RunOllamaAnalysis(kind="run_ollama_analysis", input=given, **of_the_job))
