"""Compares documents: split into parts that a language model can hold, compared part by part, merged, reported.

This is the root: it splits. `analyse_part` compares one part, `merge_findings` joins what all of them found.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.analysis.answers import form_of_part
from jobs.analysis.asked import finding_kinds
from jobs.analysis.paged_text import PagedText, joined
from jobs.analysis.prompting import part_instruction
from jobs.analysis.room import LONGEST_ANSWER, Room, room_in
from jobs.analysis.splitting import Part, split
from jobs.companion.analyses import analysis_progress
from jobs.db.analyses import analysis_parts, comparisons, documents
from jobs.db.analyses.comparisons import Comparison
from jobs.db.analyses.documents import Document
from jobs.db.work.jobs import Job, Json
from jobs.errors import InvalidInput, NotFound
from jobs.imaging.postponed import Postponed
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import Further, NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput, Message
from jobs.reports.formats import ReportFormat

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "analysis"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL

# a document that is being read calls when it is done; this long nobody waits for the call
LOOK_AGAIN = 5.0
LEAST_DOCUMENTS = 2
AHEAD = 5


class Input(KindInput):
    # a request that was read already holds a text here
    comparison_id: UUID = Field(strict=False)
    report_formats: list[ReportFormat] | None = Field(default=None, max_length=4)


class Result(BaseModel):
    """`dropped`: quotations that stood in no document. `reports`: by format, where each one is."""

    comparison_id: UUID
    parts: int
    findings: int = 0
    dropped: int = 0
    reports: dict[str, Any] = {}


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    comparison, read = await _read(run)
    readable, texts = [each for each, _ in read], [text for _, text in read]
    if comparison.question:
        await resources.safety.check_conversation("", [Message(role="user", content=comparison.question)])
    model = resources.analysis_llm(comparison.model)
    room = _room(comparison, await model.window(), len(readable), model=model.model)
    split_up = await asyncio.to_thread(split, [each.text for each in texts], room.text)
    children = [
        _child(comparison, readable, texts, part, number, len(split_up), room)
        for number, part in enumerate(split_up, start=1)
    ]
    split_into = Result(comparison_id=comparison.id, parts=len(children))
    return Outcome(split_into, children=children, save=partial(_save, run.job, comparison.id, len(children)))


async def _save(job: Job, comparison_id: UUID, parts: int, connection: AsyncConnection) -> list[NewJob]:
    await analysis_progress.tell_begun(connection, job, comparison_id, parts)
    return []


async def after_steps(connection: AsyncConnection, root: Job) -> Further:
    """Once the parts have ended they are merged, and once more if some of them were tried again since."""
    given = Input.model_validate(root.input)
    state = await analysis_parts.state(connection, root.id, parts="analyse_part", merge="merge_findings")
    if state.merged is None or state.merged.get("parts") != state.done or not state.done:
        return Further([_merging(root, given)])
    own = Result.model_validate(root.result)
    told = {"findings": state.merged["findings"], "dropped": state.merged["dropped"], "reports": state.reports}
    return Further(result=own.model_copy(update=told).model_dump(mode="json"))


def _merging(root: Job, given: Input) -> NewJob:
    asked: Json = {"comparison_id": str(given.comparison_id)}
    if given.report_formats is not None:
        asked["report_formats"] = given.report_formats
    # not behind the parts of other comparisons
    priority = root.priority + AHEAD
    return NewJob(
        "merge_findings", asked, root.owner, stage="merge", critical=True, priority=priority,
        destination=root.destination,
    )  # fmt: skip


async def _read(run: Run[Input]) -> tuple[Comparison, list[tuple[Document, PagedText]]]:
    """The comparison, and those of its documents that have a text. Raises Postponed while one is still being read."""
    async with run.database.transaction() as connection:
        comparison = await comparisons.get(connection, run.input.comparison_id, run.job.owner)
        if comparison is None:
            raise NotFound("The comparison was deleted before it was begun.", code="comparison_gone")
        compared = (await comparisons.documents_of(connection, [comparison.id]))[comparison.id]
        found = await documents.get_many(connection, run.job.owner, [each.id for each in compared])
    if any(each.status in ("pending", "processing") for each in found):
        raise Postponed("documents", LOOK_AGAIN)
    texts = [(each, await _text(run, each.id)) for each in found if each.status == "completed"]
    read = [(each, text) for each, text in texts if text.text.strip()]
    if len(read) < LEAST_DOCUMENTS:
        raise _unreadable([each for each in found if each not in [document for document, _ in read]])
    return comparison, read


def _unreadable(found: list[Document]) -> InvalidInput:
    """`found`: those without a text."""
    told = [f"“{each.file_name}”: {(each.error or {}).get('detail', 'There is no text in it.')}" for each in found]
    words = f"There are not two documents with a text to compare. {' '.join(told)}".strip()
    return InvalidInput(words, code="documents_unreadable")


async def _text(run: Run[Input], document_id: UUID) -> PagedText:
    async with run.database.statement() as connection:
        return joined(await documents.pages(connection, document_id))


def _room(comparison: Comparison, window: int, count: int, *, model: str) -> Room:
    kinds = finding_kinds(comparison.looks_for, comparison.question)
    instruction = part_instruction(
        comparison.looks_for, comparison.question, comparison.language, documents=count, number=999, of=999
    )
    form = str(form_of_part(kinds, LONGEST_ANSWER).model_json_schema())
    return room_in(window, instruction + form, count, model=model)


def _child(
    comparison: Comparison,
    readable: list[Document],
    texts: list[PagedText],
    part: Part,
    number: int,
    of: int,
    room: Room,
) -> NewJob:
    """Its input names places in the pages that it needs, so that it reads no others."""
    excerpts = []
    for each in part:
        text = texts[each.document]
        first, last = text.page_at(each.start), text.page_at(max(each.start, each.end - 1))
        start = text.start_of(first)
        excerpts.append(
            {
                "document_id": str(readable[each.document].id),
                "document": each.document + 1,
                "first_page": first,
                "last_page": last,
                "start": each.start - start,
                "end": each.end - start,
            }
        )
    given: Json = {
        "comparison_id": str(comparison.id), "number": number, "of": of, "answer_tokens": room.answer,
        "excerpts": excerpts,
    }  # fmt: skip
    return NewJob("analyse_part", given, comparison.owner, stage="parts")
