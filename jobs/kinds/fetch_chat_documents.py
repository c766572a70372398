"""Fetches from Telegram what a person has sent to be compared. An inner kind: the door asks for it with the first file.

One job for all files of a collection: what comes while it runs it takes too, or a further job that it names.
"""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.analyses import analysis_collecting
from jobs.companion.analyses.analysis_panel import LARGEST_FILE
from jobs.companion.wallet.accounts import Wallet
from jobs.db.chats import chat_analyses as rows
from jobs.db.chats.chat_analyses import Collection, SentFile
from jobs.errors import InvalidInput, TemporaryError
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.resources import Resources

# its workers are the ones that are certain to have the bot's token
QUEUE = "telegram"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL
# behind messages, which take a moment; before news for everybody
PRIORITY = -1


class Input(KindInput):
    analysis_id: UUID


class Result(BaseModel):
    """`refused`: files that cannot be documents."""

    received: int = 0
    refused: int = 0


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    wallet, result, tried = resources.intake.wallet, Result(), set[int]()
    trouble: TemporaryError | None = None
    while file := await _next(run, tried):
        tried.add(file.number)
        try:
            await _receive(run, resources, file)
            result.received += 1
        except InvalidInput as error:
            await _refuse(run, wallet, file, error)
            result.refused += 1
        except TemporaryError as error:
            trouble = error
            if error.forgiven == 0 and run.job.failures + 1 >= ATTEMPTS:
                # nobody tries again: whoever waits for it is told, in its place
                await _refuse(run, wallet, file, InvalidInput(error.detail, code="chat_file_unreachable"))
                result.refused, trouble = result.refused + 1, None
    if trouble:
        raise trouble
    return Outcome(result, save=partial(_go_on, run.job.owner, run.job.destination, run.input.analysis_id))


async def _next(run: Run[Input], tried: set[int]) -> SentFile | None:
    async with run.database.transaction() as connection:
        found = await rows.hold(connection, run.input.analysis_id)
    return next((each for each in _waiting(found) if each.number not in tried), None)


def _waiting(found: Collection | None) -> list[SentFile]:
    if found is None or found.status != "collecting":
        return []
    return [each for each in found.files if each.is_on_its_way]


async def _receive(run: Run[Input], resources: "Resources", file: SentFile) -> None:
    analysis_id = run.input.analysis_id

    async def wanted(connection: AsyncConnection) -> bool:
        found = await rows.hold(connection, analysis_id)
        return file.number in [each.number for each in _waiting(found)]

    async def entered(connection: AsyncConnection, document_id: UUID) -> None:
        if not await rows.enter_document(connection, analysis_id, file.number, document_id):
            await rows.refuse_file(connection, analysis_id, file.number, _twice().as_json())
        now = await rows.again(connection, analysis_id)
        await analysis_collecting.redraw(connection, now, resources.intake.wallet)

    await resources.chat_documents.receive(
        run.job.owner, file.file_id, file.file_name, most=LARGEST_FILE, wanted=wanted, entered=entered
    )


async def _refuse(run: Run[Input], wallet: Wallet, file: SentFile, error: InvalidInput) -> None:
    async with run.database.transaction() as connection:
        found = await rows.hold(connection, run.input.analysis_id)
        if found is None or not found.is_open:
            return
        await rows.refuse_file(connection, found.id, file.number, error.as_json())
        await analysis_collecting.redraw(connection, await rows.again(connection, found.id), wallet)


def _twice() -> InvalidInput:
    return InvalidInput("Another file of this comparison has the same content.", code="same_document")


async def _go_on(
    owner: str, destination: dict[str, object], analysis_id: UUID, connection: AsyncConnection
) -> list[NewJob]:
    """What came after this run had looked; the door counted on it."""
    if not _waiting(await rows.hold(connection, analysis_id)):
        return []
    given = {"analysis_id": str(analysis_id)}
    new = NewJob("fetch_chat_documents", given, owner, destination=destination, priority=PRIORITY)
    await rows.name_fetch_job(connection, analysis_id, new.id)
    return [new]
