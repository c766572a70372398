"""A document as the API answers with it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.answers.job_answer import JobError
from jobs.db.analyses.documents import Document
from jobs.db.work.jobs import Json

# of a document whose job ended without telling it why, or is forgotten
INTERRUPTED = {
    "code": "document_not_read",
    "detail": "The document was not read to its end. Upload it again.",
    "blame": "client",
    "retryable": False,
}


class DocumentUrls(BaseModel):
    self: str
    pages: str
    job: str | None = Field(description="The job that reads it, for as long as that is kept.")
    file: str | None = Field(description="The bytes as they were uploaded.")


class DocumentAnswer(BaseModel):
    """A document. `pages` and `characters` are known once it is completed."""

    id: UUID
    file_name: str
    format: Literal["pdf", "docx", "html", "md", "csv", "txt"] = Field(description="Told from the content.")
    size: int
    sha256: str
    status: Literal["pending", "processing", "completed", "failed"]
    pages: int | None = Field(
        description="Those of the PDF. Any other document is cut, between paragraphs, into pages of about 3,000"
        " characters."
    )
    characters: int | None
    error: JobError | None
    job_id: UUID | None
    created_at: datetime
    used_at: datetime = Field(description="Uploaded or compared last. From here counts how long it is kept.")
    urls: DocumentUrls


class DocumentPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    documents: list[DocumentAnswer]
    has_more: bool
    next: str | None


class PageText(BaseModel):
    page: int
    text: str


class DocumentText(BaseModel):
    """`next`: the `after` of the next part, null in the last one."""

    pages: list[PageText]
    has_more: bool
    next: int | None


def view(document: Document, public_url: str = "") -> Json:
    itself = f"{public_url}/v1/documents/{document.id}"
    job, file = document.job_id, document.media_id
    return {
        "id": str(document.id),
        "file_name": document.file_name,
        "format": document.format,
        "size": document.size,
        "sha256": document.sha256,
        "status": document.status,
        "pages": document.pages,
        "characters": document.characters,
        "error": (document.error or INTERRUPTED) if document.status == "failed" else None,
        "job_id": str(job) if job else None,
        "created_at": document.created_at.isoformat(),
        "used_at": document.used_at.isoformat(),
        "urls": {
            "self": itself,
            "pages": f"{itself}/pages",
            "job": f"{public_url}/v1/jobs/{job}" if job else None,
            "file": f"{public_url}/v1/media/{file}" if file else None,
        },
    }
