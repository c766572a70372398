"""A comparison as the analysis leaves it, made without one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.analyses import comparisons
from jobs.db.analyses.comparisons import Finding, Found
from jobs.db.analyses.reports import ComparedDocument, StoredComparison

MOMENT = datetime(2026, 3, 9, 12, 30, tzinfo=UTC)
# each would do something in at least one of the formats, if it were not text
HOSTILE = (
    '#read("/etc/passwd") #panic() $x^2$ @cite <label> *bold* _low_ `code` ~~gone~~ [a](javascript:alert(1))'
    " ![p](//evil.example/p.png) <script>alert(1)</script> &amp; https://evil.example www.evil.example {{ 7 * 7 }}"
    ' {% raw %} | a | b | \\input{x} =HYPERLINK("//evil.example") </w:t> ]]> \u202edlrow'
)
LINES = "- item\n1. one\n# head\n> quoted\n=SUM(A1)\n+ plus\n```\n---\n===\n    indented"


def comparison(language: str = "en", *, findings: int = 2, words: str = "", **changes: Any) -> StoredComparison:
    documents = (
        ComparedDocument(uuid4(), f"договор {words}.pdf", "pdf", 1000, "a" * 64, 4, 12_034),
        ComparedDocument(uuid4(), "contract.docx", "docx", 1000, "b" * 64, 3, 8_123),
    )
    found = tuple(_finding(number, documents, words) for number in range(1, findings + 1))
    given: dict[str, Any] = {
        "id": uuid4(), "owner": "account:anna", "title": f"Contracts {words}", "looks_for": ["differences", "risks"],
        "question": "Who pays?", "model": "ollama:qwen3", "language": language, "report_formats": ["pdf"],
        "job_id": None, "summary": f"The term was changed.\n{words}", "dropped": 3,
        "unread": [{"document_id": str(documents[0].id), "reason": "page 4 has no text"}],
        "created_at": MOMENT, "finished_at": MOMENT, "documents": documents, "findings": found,
    }  # fmt: skip
    return StoredComparison(**(given | changes))


def _finding(number: int, documents: Sequence[ComparedDocument], words: str) -> Finding:
    quotations = [
        {"document_id": str(documents[0].id), "page": number, "text": f"в течение {number}0 дней {words}\n{LINES}"},
        {"document_id": str(documents[1].id), "page": 2, "text": f"within {number}5 days"},
    ]
    severity = ("high", "medium", "low")[number % 3]
    return Finding(
        number, "difference", severity, f"Term {number} {words}", f"It is longer. {words}\n{LINES}", quotations
    )


async def store(connection: AsyncConnection, owner: str, documents: Sequence[UUID], job_id: UUID) -> UUID:
    """A comparison of these documents with one finding, answered by this job."""
    comparison_id = uuid4()
    await comparisons.insert(
        connection, comparison_id, owner, documents, title="Договоры <b>1</b>", looks_for=["differences"],
        question="", model="ollama:qwen3", language="ru", report_formats=["pdf", "md"],
    )  # fmt: skip
    await comparisons.set_job(connection, comparison_id, job_id)
    quotation = {"document_id": str(documents[0]), "page": 1, "text": "тридцать дней"}
    finding = Finding(1, "difference", "high", "Срок изменён", "Было 30 дней, стало 45.", [quotation])
    await comparisons.finish(connection, comparison_id, Found([finding], "Изменён срок.", 2, [], "ollama:qwen3"))
    return comparison_id


async def add_document(connection: AsyncConnection, owner: str, name: str, sha256: str) -> UUID:
    """One that was read, without its bytes."""
    document_id = uuid4()
    insert = text(
        "INSERT INTO documents (id, owner, file_name, format, size, sha256, pages, characters, status)"
        " VALUES (:id, :owner, :name, 'pdf', 10, :sha256, 1, 100, 'completed')"
    )
    values = {"id": document_id, "owner": owner, "name": name, "sha256": sha256}
    await connection.execute(insert, values)
    return document_id
