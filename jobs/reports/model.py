"""What does a report say? The same for every format, with all words in the comparison's language.

Titles and names are one line, texts keep their lines; neither holds what a format could stumble over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.companion.wording import LOCALES
from jobs.db.analyses.comparisons import Finding
from jobs.db.analyses.reports import ComparedDocument, StoredComparison
from jobs.reports.labels import Labels, labels
from jobs.reports.plain_text import one_line, plain


@dataclass(frozen=True)
class ReportDocument:
    """`extent`: how long it is, in words."""

    number: int
    file_name: str
    extent: str
    sha256: str


@dataclass(frozen=True)
class Quotation:
    """`place`: document and page in words."""

    place: str
    text: str


@dataclass(frozen=True)
class ReportFinding:
    number: int
    severity: str
    severity_name: str
    kind_name: str
    title: str
    explanation: str
    quotations: tuple[Quotation, ...]

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.place for each in self.quotations))


@dataclass(frozen=True)
class Fact:
    name: str
    value: str


@dataclass(frozen=True)
class Report:
    """`facts`: when, with which model, what was looked for. `unread`: what could not be read, a sentence each."""

    locale: str
    labels: Labels
    title: str
    facts: tuple[Fact, ...]
    documents: tuple[ReportDocument, ...]
    summary: str
    findings: tuple[ReportFinding, ...]
    unread: tuple[str, ...]
    dropped: str


def report_of(comparison: StoredComparison) -> Report:
    locale = comparison.language if comparison.language in LOCALES else "en"
    words = labels(locale)
    places = {str(each.id): each for each in comparison.documents}
    return Report(
        locale=locale,
        labels=words,
        title=one_line(comparison.title),
        facts=tuple(_facts(comparison, words)),
        documents=tuple(_document(number, each, words) for number, each in enumerate(comparison.documents, 1)),
        summary=plain(comparison.summary).strip(),
        findings=tuple(_finding(each, places, words) for each in comparison.findings),
        unread=tuple(one_line(_unread(each, places)) for each in comparison.unread),
        dropped=words.dropped(comparison.dropped),
    )


def _facts(comparison: StoredComparison, words: Labels) -> list[Fact]:
    finished = (comparison.finished_at or datetime.now(UTC)).astimezone(UTC)
    given = [
        Fact(words.date, f"{finished:{words.date_format}} UTC"),
        Fact(words.model, comparison.model),
        Fact(words.looked_for, ", ".join(words.looks_for.get(each, each) for each in comparison.looks_for)),
        Fact(words.question, comparison.question),
    ]
    return [Fact(each.name, one_line(each.value)) for each in given if each.value.strip()]


def _document(number: int, document: ComparedDocument, words: Labels) -> ReportDocument:
    extent = words.extent(document.format, document.pages or 0, document.characters or 0)
    return ReportDocument(number, one_line(document.file_name), extent, document.sha256)


def _finding(finding: Finding, places: dict[str, ComparedDocument], words: Labels) -> ReportFinding:
    return ReportFinding(
        number=finding.number,
        severity=finding.severity,
        severity_name=words.severities.get(finding.severity, finding.severity),
        kind_name=words.kinds.get(finding.kind, finding.kind),
        title=one_line(finding.title),
        explanation=plain(finding.explanation).strip(),
        quotations=tuple(_quotations(finding.quotations, places, words)),
    )


def _quotations(given: Sequence[Any], places: dict[str, ComparedDocument], words: Labels) -> list[Quotation]:
    found = []
    for each in given:
        document = places.get(str(each.get("document_id")))
        name, fmt = (document.file_name, document.format) if document else ("?", "pdf")
        place = words.place(fmt, one_line(name), int(each.get("page") or 0))
        found.append(Quotation(place, plain(str(each.get("text", ""))).strip()))
    return found


def _unread(given: Any, places: dict[str, ComparedDocument]) -> str:
    if not isinstance(given, dict):
        return str(given)
    document = places.get(str(given.get("document_id")))
    name = given.get("file_name") or (document.file_name if document else "")
    reason = given.get("reason") or given.get("detail") or ""
    return f"{name}: {reason}" if name and reason else str(name or reason)
