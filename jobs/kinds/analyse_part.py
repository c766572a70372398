"""Compares one part of some documents. An inner kind: run_ollama_analysis asks for it."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.analysis.answers import form_of_part, most_findings
from jobs.analysis.asked import ANSWER, finding_kinds
from jobs.analysis.findings import Checked, Found, checked, united
from jobs.analysis.paged_text import joined
from jobs.analysis.prompting import excerpt_in_words, part_instruction
from jobs.analysis.quotations import Quotations, Shown
from jobs.companion.analyses import analysis_progress
from jobs.db.analyses import comparisons, documents
from jobs.db.analyses.comparisons import Comparison
from jobs.db.work.jobs import Job
from jobs.errors import ContentBlocked, NotFound
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput, Message
from jobs.owners import is_of_chat

if TYPE_CHECKING:
    from jobs.resources import Resources
    from jobs.safety.safety import Safety

QUEUE = "analysis"
CHAT_ACTION = "typing"
ATTEMPTS = OTHER
TEMPERATURE = 0.0


class Excerpt(KindInput):
    """Places from the beginning of the first page on. `document`: as the model is told, from 1."""

    document_id: UUID
    document: int
    first_page: int
    last_page: int
    start: int
    end: int


class Input(KindInput):
    comparison_id: UUID
    number: int
    of: int
    answer_tokens: int
    excerpts: list[Excerpt]


class Result(Checked):
    """`withheld`: findings that content rules keep back. `full`: there was no room for more. `model`: who answered."""

    number: int
    summary: str = ""
    withheld: int = 0
    full: bool = False
    model: str = ""


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given = run.input
    comparison, shown, names = await _material(run)
    kinds = finding_kinds(comparison.looks_for, comparison.question)
    instruction = part_instruction(
        comparison.looks_for, comparison.question, comparison.language,
        documents=len(names), number=given.number, of=given.of,
    )  # fmt: skip
    material = "\n\n".join(
        excerpt_in_words(each.number, names[each.document_id], each.text, each.start, each.end) for each in shown
    )
    model = resources.analysis_llm(comparison.model)
    said, completion = await model.structured(
        instruction,
        [Message.model_construct(role="user", content=material)],
        form_of_part(kinds, given.answer_tokens),
        max_tokens=given.answer_tokens,
        temperature=TEMPERATURE,
        timeout=resources.analysis_timeout,
    )
    # with a large context it takes seconds
    found = await asyncio.to_thread(lambda: checked(said.findings, Quotations(shown)))
    told_once = united(found.findings)
    kept = [each for each in told_once if await _may_be_told(resources.safety, each)]
    result = Result(
        number=given.number,
        findings=kept,
        dropped=found.dropped,
        lost=found.lost,
        withheld=len(told_once) - len(kept),
        full=len(said.findings) >= most_findings(given.answer_tokens),
        summary=await _summary(resources.safety, said.summary, material),
        model=model.model,
    )
    # nobody else is shown its end
    save = partial(_save, run.job, comparison.id) if is_of_chat(run.job.owner) else None
    return Outcome(result, completion.usage, save=save)


async def _save(job: Job, comparison_id: UUID, connection: AsyncConnection) -> list[NewJob]:
    await analysis_progress.tell(connection, job, comparison_id, "parts")
    return []


async def _material(run: Run[Input]) -> tuple[Comparison, list[Shown], dict[UUID, str]]:
    given = run.input
    async with run.database.transaction() as connection:
        comparison = await comparisons.get(connection, given.comparison_id, run.job.owner)
        if comparison is None:
            raise NotFound("The comparison was deleted before it was done.", code="comparison_gone")
        compared = (await comparisons.documents_of(connection, [comparison.id]))[comparison.id]
        shown = []
        for each in given.excerpts:
            count = each.last_page - each.first_page + 1
            pages = await documents.pages(connection, each.document_id, after=each.first_page - 1, limit=count)
            shown.append(Shown(each.document, each.document_id, joined(pages), each.start, each.end))
    return comparison, shown, {each.id: each.file_name for each in compared}


async def _may_be_told(safety: "Safety", found: Found) -> bool:
    """What answers a question is judged by its own words alone: the question has steered them."""
    try:
        await safety.check_report(found.words, of="" if found.kind == ANSWER else found.quoted)
    except ContentBlocked:
        return False
    return True


async def _summary(safety: "Safety", summary: str, material: str) -> str:
    """Nothing where it says what the documents do not."""
    try:
        await safety.check_report(summary, of=material)
    except ContentBlocked:
        return ""
    return summary.strip()
