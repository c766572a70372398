"""A document in a line: how far its reading is, how long it turned out to be, or why it cannot be compared."""

from dataclasses import dataclass
from uuid import UUID

from api.answers.document_view import INTERRUPTED
from api.pages.failure_words import error_words
from jobs.companion.wording import say
from jobs.db.analyses.documents import Document
from jobs.db.work.jobs import Json
from jobs.reports.labels import labels


@dataclass(frozen=True)
class DocumentLine:
    """`words` are what stands beside the name."""

    id: UUID
    file_name: str
    status: str
    job_id: UUID | None
    words: str

    def as_json(self) -> Json:
        job_id = str(self.job_id) if self.job_id else None
        return {**vars(self), "id": str(self.id), "job_id": job_id}


def document_line(locale: str, document: Document) -> DocumentLine:
    return DocumentLine(document.id, document.file_name, document.status, document.job_id, _words(locale, document))


def _words(locale: str, document: Document) -> str:
    if document.status == "completed":
        return labels(locale).extent(document.format, document.pages or 0, document.characters or 0)
    if document.status == "failed":
        return " ".join(error_words(locale, document.error or INTERRUPTED)[:1])
    return say(locale, "pages.document_waits")
