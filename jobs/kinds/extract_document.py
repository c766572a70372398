"""Reads an uploaded document: its text, page by page. An inner kind: POST /v1/documents asks for it."""

import asyncio
import tempfile
from functools import partial
from typing import IO, TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.analyses import analysis_collecting
from jobs.companion.wallet.accounts import Wallet
from jobs.db.analyses import comparisons, documents
from jobs.db.analyses.documents import Document
from jobs.db.chats import chat_analyses
from jobs.db.files import media as media_rows
from jobs.db.files.media import MediaRow
from jobs.documents.extraction import extract
from jobs.documents.refusals import DocumentRefused, refusal
from jobs.errors import NotFound
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.media import MediaStore
    from jobs.resources import Resources

QUEUE = "documents"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL


class Input(KindInput):
    document_id: UUID


class Result(BaseModel):
    document_id: UUID
    pages: int
    characters: int


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    """A refusal stays with the document too, for when its job is forgotten."""
    async with run.database.transaction() as connection:
        document = await documents.get(connection, run.job.owner, run.input.document_id)
        file = await media_rows.get(connection, document.media_id) if document and document.media_id else None
        await documents.begin(connection, run.input.document_id)
    if document is None:
        raise NotFound("The document was deleted before it was read.")
    if document.status == "completed":
        return Outcome(_result(document.id, document.pages or 0, document.characters or 0))
    try:
        pages = await _pages(run, resources, document, file)
    except DocumentRefused as error:
        await _refuse(run, document.id, error, resources.intake.wallet)
        raise
    result = _result(document.id, len(pages), sum(map(len, pages)))
    return Outcome(result, save=partial(_save, document.id, pages, resources.intake.wallet))


async def _pages(run: Run[Input], resources: "Resources", document: Document, file: MediaRow | None) -> list[str]:
    if file is None:
        raise refusal("document_gone")

    def told(done: int, total: int) -> None:
        run.progress.report(done, total, "pages")

    with tempfile.TemporaryFile() as copy:
        await _fetch(resources.media, file, copy)
        return await extract(copy, document.format, resources.documents, told)


async def _fetch(store: "MediaStore", file: MediaRow, copy: IO[bytes]) -> None:
    try:
        async for chunk in await store.open_range(file.key, 0, file.size):
            await asyncio.to_thread(copy.write, chunk)
    except FileNotFoundError:
        raise refusal("document_gone") from None


async def _refuse(run: Run[Input], document_id: UUID, error: DocumentRefused, wallet: Wallet) -> None:
    async with run.database.transaction() as connection:
        waiting = await chat_analyses.hold_with_document(connection, document_id)
        await documents.fail(connection, document_id, error.as_json())
        if error.code == "document_gone":
            await documents.let_go_of_bytes(connection, document_id)
        for each in waiting:
            refused = await chat_analyses.with_refusal(connection, each.id, document_id, error.as_json())
            await analysis_collecting.redraw(connection, refused, wallet)


def _result(document_id: UUID, pages: int, characters: int) -> Result:
    return Result(document_id=document_id, pages=pages, characters=characters)


async def _save(document_id: UUID, pages: list[str], wallet: Wallet, connection: AsyncConnection) -> list[NewJob]:
    # first: a door that compares these holds them before their documents too
    waiting = await chat_analyses.hold_with_document(connection, document_id)
    await documents.complete(connection, document_id, pages)
    await comparisons.hasten(connection, document_id)
    for each in waiting:
        await analysis_collecting.redraw(connection, await chat_analyses.again(connection, each.id), wallet)
    return []
