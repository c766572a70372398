"""Joins what was found in the parts of some documents into one result. An inner kind: the last step of an analysis."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.analysis.findings import Found, in_order, united
from jobs.analysis.merging import Merged, Merging
from jobs.analysis.page_ranges import ranges
from jobs.companion.analyses import analysis_progress
from jobs.companion.analyses.analysis_result import result as result_in_words
from jobs.companion.messages.outbox import ChatText
from jobs.companion.wording import has_text, locale_of, say
from jobs.db.analyses import analysis_parts, comparisons, documents, reports
from jobs.db.analyses.analysis_parts import PartRow
from jobs.db.analyses.comparisons import Comparison, Finding
from jobs.db.analyses.documents import Document
from jobs.db.work.jobs import Job, Json
from jobs.errors import ContentBlocked, NotFound, PermanentError
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.reports.formats import ReportFormat

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "analysis"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL


class Input(KindInput):
    comparison_id: UUID
    report_formats: list[ReportFormat] | None = Field(default=None, max_length=4)


class Result(BaseModel):
    """`parts`: how many of them it joined; 0 where it left that to a later one, because some were open again."""

    parts: int
    findings: int = 0
    dropped: int = 0
    lost: int = 0
    withheld: int = 0


@dataclass(frozen=True)
class Material:
    comparison: Comparison
    documents: list[Document]
    parts: Sequence[PartRow]
    blank_pages: dict[UUID, list[int]]

    @property
    def done(self) -> list[Json]:
        return [each.result for each in self.parts if each.status == "completed" and each.result]

    def count(self, name: str) -> int:
        return sum(each[name] for each in self.done)


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    material = await _material(run)
    if any(each.is_open for each in material.parts):
        return Outcome(Result(parts=0))
    if not material.done:
        raise _nothing(material.parts)
    found = united(Found.model_validate(each) for part in material.done for each in part["findings"])
    notes = [part["summary"] for part in material.done if part["summary"]]
    merged, usage = await _merged(material, found, notes, resources)
    order = [each.id for each in material.documents]
    findings = await asyncio.to_thread(in_order, merged.findings, order)
    result = Result(
        parts=len(material.done),
        findings=len(findings),
        dropped=material.count("dropped"),
        lost=material.count("lost"),
        withheld=material.count("withheld"),
    )
    save = partial(_save, run.job, material, findings, merged.summary, result)
    children, told = _reports(run, material.comparison), _told(run.job, material, findings)
    return Outcome(result, usage, save=save, children=children, messages=told)


async def _material(run: Run[Input]) -> Material:
    async with run.database.transaction() as connection:
        comparison = await comparisons.get(connection, run.input.comparison_id, run.job.owner)
        if comparison is None:
            raise NotFound("The comparison was deleted before it was done.", code="comparison_gone")
        compared = (await comparisons.documents_of(connection, [comparison.id]))[comparison.id]
        found = await documents.get_many(connection, run.job.owner, [each.id for each in compared])
        parts = await analysis_parts.parts(connection, run.job.root_id or run.job.id, "analyse_part")
        blank = await documents.blank_pages(connection, [each.id for each in found])
    return Material(comparison, found, parts, blank)


def _nothing(parts: Sequence[PartRow]) -> PermanentError:
    """In the words of the first part that failed: no part of the documents could be compared."""
    error = next((each.error for each in parts if each.error), {}) or {}
    return PermanentError(
        error.get("detail", "No part of the documents could be compared."),
        code=error.get("code", "failed"),
        blame=error.get("blame", "platform"),
    )


async def _merged(
    material: Material, found: list[Found], notes: list[str], resources: "Resources"
) -> tuple[Merged, Json]:
    comparison = material.comparison
    if len(material.parts) == 1:
        return Merged(found, notes[0] if notes else ""), {}
    model = resources.analysis_llm(comparison.model)
    merging = Merging(comparison.question, comparison.language, await model.window(), resources.analysis_timeout)
    merged, usage = await merging.merge(model, found, notes)
    try:
        await resources.safety.check_report(merged.summary, of="\n".join([*notes, *(each.quoted for each in found)]))
    except ContentBlocked:
        merged = Merged(merged.findings, "")
    return merged, usage


def _told(job: Job, material: Material, findings: list[Found]) -> list[ChatText]:
    """In a chat, before the reports come."""
    if "telegram" not in job.destination:
        return []
    severities, dropped = [each.severity for each in findings], material.count("dropped")
    locale, title = locale_of(job.destination), material.comparison.title
    return [result_in_words(locale, title, severities, dropped, _unread(material))]


def _reports(run: Run[Input], comparison: Comparison) -> list[NewJob]:
    """A step for each: where one format cannot be made, the others are there."""
    formats = comparison.report_formats if run.input.report_formats is None else run.input.report_formats
    return [
        NewJob(
            "make_report",
            {"comparison_id": str(comparison.id), "formats": [fmt]},
            comparison.owner,
            stage="report",
            destination=run.job.destination,
            priority=run.job.priority,
        )
        for fmt in dict.fromkeys(formats)
    ]


async def _save(
    job: Job, material: Material, findings: list[Found], summary: str, result: Result, connection: AsyncConnection
) -> list[NewJob]:
    await analysis_progress.tell(connection, job, material.comparison.id, "report")
    kept = [
        Finding(
            number, each.kind, each.severity, each.title, each.explanation,
            [one.model_dump(mode="json") for one in each.quotations],
        )
        for number, each in enumerate(findings, start=1)
    ]  # fmt: skip
    found = comparisons.Found(kept, summary, result.dropped, _unread(material), material.done[0]["model"])
    if await comparisons.finish(connection, material.comparison.id, found):
        await reports.let_go(connection, material.comparison.id)
    return []


def _unread(material: Material) -> list[Json]:
    """Documents and pages without a text, parts that nobody compared, and what content rules keep back."""
    locale = material.comparison.language
    documents_left_out = [
        {
            "document_id": str(each.id),
            "file_name": each.file_name,
            "reason": _reason(locale, each.error) if each.error else say(locale, "analysis.no_text"),
        }
        for each in material.documents
        if each.status != "completed" or not each.characters
    ]
    pages_left_out = [
        {
            "document_id": str(each.id),
            "file_name": each.file_name,
            "reason": say(locale, "analysis.pages_without_text", pages=ranges(material.blank_pages[each.id])),
        }
        for each in material.documents
        if each.characters and each.id in material.blank_pages
    ]
    names = {each.id: each.file_name for each in material.documents}
    parts_left_out = [
        {"document_id": str(each), "file_name": names.get(each, ""), "reason": reason}
        for part in material.parts
        for each, reason in _left_out(part, locale)
    ]
    return documents_left_out + pages_left_out + parts_left_out + _withheld(locale, material.count("withheld"))


def _withheld(locale: str, count: int) -> list[Json]:
    return [{"file_name": "", "reason": say(locale, "analysis.withheld", count=count)}] if count else []


def _left_out(part: PartRow, locale: str) -> list[tuple[UUID, str]]:
    """What is to be said of each excerpt of a part that nobody compared, or not to its end."""
    pages = [(UUID(each["document_id"]), each["first_page"], each["last_page"]) for each in part.input["excerpts"]]
    if part.status != "completed":
        reason = _reason(locale, part.error or {})
        return [(each, say(locale, "analysis.part_missing", first=a, last=b, reason=reason)) for each, a, b in pages]
    if part.result and part.result["full"]:
        return [(each, say(locale, "analysis.part_full", first=a, last=b)) for each, a, b in pages]
    return []


def _reason(locale: str, error: Json) -> str:
    """In the language of the comparison, where there are words for it."""
    key = f"failed.{error.get('code', '')}"
    if has_text(locale, key):
        return say(locale, key)
    return str(error.get("detail") or say(locale, "failed.run_ollama_analysis"))
