"""The words of a report that are the same in each: its headings, and names for what the analysis calls by a code."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.companion.wording import say


@dataclass(frozen=True)
class Labels:
    """`kinds` and `looks_for` by code; a code that is not in them is shown as it is."""

    locale: str
    contents: str
    documents: str
    summary: str
    findings: str
    unread: str
    checked: str
    number: str
    severity: str
    kind: str
    finding: str
    where: str
    file: str
    extent_name: str
    nothing_found: str
    all_read: str
    date: str
    model: str
    looked_for: str
    question: str
    made_with: str
    letters_missing: str
    severities: Mapping[str, str]
    kinds: Mapping[str, str]
    looks_for: Mapping[str, str]

    @property
    def date_format(self) -> str:
        return "%d.%m.%Y %H:%M" if self.locale == "ru" else "%Y-%m-%d %H:%M"

    def place(self, fmt: str, file_name: str, page: int) -> str:
        """Only a PDF has pages that its reader sees too."""
        if page < 1:
            return file_name
        if fmt == "pdf":
            return say(self.locale, "report.place_page", file=file_name, page=page)
        return say(self.locale, "report.place_part", file=file_name, part=page)

    def extent(self, fmt: str, pages: int, characters: int) -> str:
        size = f"{characters:,}".replace(",", "\u00a0" if self.locale == "ru" else ",")
        if fmt == "pdf":
            return say(self.locale, "report.extent_pages", pages=pages, characters=size)
        return say(self.locale, "report.extent_parts", parts=pages, characters=size)

    def dropped(self, count: int) -> str:
        """How many quotations stood nowhere in the documents."""
        if not count:
            return say(self.locale, "report.none_dropped")
        return say(self.locale, "report.dropped", count=count)


def labels(locale: str) -> Labels:
    return Labels(
        locale=locale,
        contents=say(locale, "report.contents"),
        documents=say(locale, "report.documents"),
        summary=say(locale, "report.summary"),
        findings=say(locale, "report.findings"),
        unread=say(locale, "report.unread"),
        checked=say(locale, "report.checked"),
        number=say(locale, "report.number"),
        severity=say(locale, "report.severity"),
        kind=say(locale, "report.kind"),
        finding=say(locale, "report.finding"),
        where=say(locale, "report.where"),
        file=say(locale, "report.file"),
        extent_name=say(locale, "report.extent"),
        nothing_found=say(locale, "report.nothing_found"),
        all_read=say(locale, "report.all_read"),
        date=say(locale, "report.date"),
        model=say(locale, "report.model"),
        looked_for=say(locale, "report.looked_for"),
        question=say(locale, "report.question"),
        made_with=say(locale, "report.made_with"),
        letters_missing=say(locale, "report.letters_missing"),
        severities={
            "high": say(locale, "report.severity_high"),
            "medium": say(locale, "report.severity_medium"),
            "low": say(locale, "report.severity_low"),
        },
        kinds=_kinds(locale),
        looks_for=looks_for(locale),
    )


def looks_for(locale: str) -> dict[str, str]:
    """What one may look for, by code."""
    return {
        "differences": say(locale, "report.looks_for_differences"),
        "contradictions": say(locale, "report.looks_for_contradictions"),
        "missing_parts": say(locale, "report.looks_for_missing_parts"),
        "risks": say(locale, "report.looks_for_risks"),
        "summary": say(locale, "report.looks_for_summary"),
    }


def _kinds(locale: str) -> dict[str, str]:
    singular = {
        "difference": say(locale, "report.kind_difference"),
        "contradiction": say(locale, "report.kind_contradiction"),
        "missing_part": say(locale, "report.kind_missing_part"),
        "risk": say(locale, "report.kind_risk"),
        "summary": say(locale, "report.kind_summary"),
        "answer": say(locale, "report.kind_answer"),
    }
    return singular | {f"{code}s": name for code, name in singular.items()}
