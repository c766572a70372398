"""A comparison as the API answers with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.answers.job_answer import JobError, Progress, Status
from jobs.db.analyses.comparisons import Compared, Comparison, Finding
from jobs.db.work.jobs import Json

# of a comparison whose job was forgotten before it had a result
FORGOTTEN = {
    "code": "analysis_forgotten",
    "detail": "The analysis ended without a result, and its job is not kept any longer. Ask for it again.",
    "blame": "platform",
    "retryable": True,
}
NO_PROGRESS = {"done": 0, "total": 0, "stage": None}


class ComparedDocument(BaseModel):
    id: UUID
    file_name: str
    format: str
    sha256: str
    pages: int | None


class QuotationAnswer(BaseModel):
    """In the document's own words; `page` is where they begin."""

    document_id: UUID
    page: int
    text: str


class FindingAnswer(BaseModel):
    """`number` from 1, the grave ones first."""

    number: int
    kind: Literal["difference", "contradiction", "missing_part", "risk", "answer"]
    severity: Literal["low", "medium", "high"]
    title: str
    explanation: str
    quotations: list[QuotationAnswer]


class UnreadPart(BaseModel):
    document_id: UUID | None = None
    file_name: str
    reason: str


class ComparisonUrls(BaseModel):
    self: str
    job: str | None = Field(description="To follow, cancel or retry it, for as long as the job is kept.")
    events: str | None
    report: str


class ComparisonAnswer(BaseModel):
    """A comparison. `status`, `error` and `progress` are those of its job."""

    id: UUID
    title: str
    documents: list[ComparedDocument]
    looks_for: list[str]
    question: str
    model: str = Field(description="Empty before the operator's choice has answered.")
    language: str
    report_formats: list[str]
    status: Status
    partial: bool = Field(description="It completed, and some parts could not be compared: see `unread`.")
    error: JobError | None
    progress: Progress
    job_id: UUID | None
    summary: str
    dropped: int = Field(description="Quotations that the model gave and that stand in no document.")
    unread: list[UnreadPart]
    created_at: datetime
    finished_at: datetime | None
    urls: ComparisonUrls


class WholeComparison(ComparisonAnswer):
    findings: list[FindingAnswer]


class ComparisonPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    comparisons: list[ComparisonAnswer]
    has_more: bool
    next: str | None


def view(comparison: Comparison, documents: Sequence[Compared], public_url: str = "") -> Json:
    itself = f"{public_url}/v1/comparisons/{comparison.id}"
    job = f"{public_url}/v1/jobs/{comparison.job_id}" if comparison.job_id else None
    failed = comparison.status == "failed"
    return {
        "id": str(comparison.id),
        "title": comparison.title,
        "documents": [
            {
                "id": str(each.id), "file_name": each.file_name, "format": each.format, "sha256": each.sha256,
                "pages": each.pages,
            }
            for each in documents
        ],
        "looks_for": comparison.looks_for,
        "question": comparison.question,
        "model": comparison.model,
        "language": comparison.language,
        "report_formats": comparison.report_formats,
        "status": comparison.status,
        "partial": comparison.partial,
        "error": comparison.error or (FORGOTTEN if failed else None),
        "progress": {**NO_PROGRESS, **comparison.progress},
        "job_id": str(comparison.job_id) if comparison.job_id else None,
        "summary": comparison.summary,
        "dropped": comparison.dropped,
        "unread": comparison.unread,
        "created_at": comparison.created_at.isoformat(),
        "finished_at": comparison.finished_at.isoformat() if comparison.finished_at else None,
        "urls": {
            "self": itself, "job": job, "events": f"{job}/events" if job else None, "report": f"{itself}/report",
        },
    }  # fmt: skip


def whole_view(
    comparison: Comparison, documents: Sequence[Compared], findings: Sequence[Finding], public_url: str = ""
) -> Json:
    return {**view(comparison, documents, public_url), "findings": [vars(each) for each in findings]}
