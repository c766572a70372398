"""How far a comparison is that was asked for in a chat: one message, changed as its parts end, gone when it has ended.

It has the key of a picture's message, so that whatever ends a job takes it away as well.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.analyses.analysis_collecting import change_message
from jobs.companion.messages.chat_messages import Button, Buttons, ChatText
from jobs.companion.messages.outbox import send_to_chat
from jobs.companion.wording import locale_for, locale_of, say
from jobs.db.chats import chat_analyses as rows
from jobs.db.chats import progress_messages
from jobs.db.work import trees
from jobs.db.work.jobs import Job
from jobs.owners import is_of_chat

STOP = "stop_analysis:"
# changes count against the chat's limit
PAUSE = timedelta(seconds=2)

Stage = Literal["parts", "merge", "report"]


async def begin(connection: AsyncConnection, root: Job) -> None:
    """When it is asked for."""
    locale, chat = locale_of(root.destination), int(root.destination["telegram"]["chat_id"])
    first = ChatText(say(locale, "analysis.progress_waiting"), _stop_button(locale, root.id))
    await send_to_chat(connection, chat, [first], key=_key(root.id), job_id=root.id)


async def tell_begun(connection: AsyncConnection, root: Job, comparison_id: UUID, of: int) -> None:
    """Its documents are read and taken apart into so many parts, which are not there yet."""
    if is_of_chat(root.owner):
        await _tell(connection, root.id, comparison_id, "parts", (0, of))


async def tell(connection: AsyncConnection, job: Job, comparison_id: UUID, stage: Stage) -> None:
    """`job`: the root, or a step of it, that does something now; nothing for what the API asked for."""
    if is_of_chat(job.owner):
        await _tell(connection, job.root_id or job.id, comparison_id, stage)


async def _tell(
    connection: AsyncConnection, root_id: UUID, comparison_id: UUID, stage: Stage, parts: tuple[int, int] | None = None
) -> None:
    found = await rows.hold_begun(connection, comparison_id)
    if found is None or await progress_messages.find(connection, f"{_key(root_id)}:gone:0"):
        return
    number, of = parts or await _parts(connection, root_id)
    if stage == "parts" and 0 < number < of and found.told_at and datetime.now(UTC) - found.told_at < PAUSE:
        return
    locale = locale_for(found.locale, found.language_code)
    words, below = _words(locale, stage, number, of), _stop_button(locale, root_id)
    await change_message(connection, found, _key(root_id), words, below, job_id=root_id)
    await rows.note_told(connection, found.id)


async def _parts(connection: AsyncConnection, root_id: UUID) -> tuple[int, int]:
    """How many have ended, and of how many."""
    counts = [each for each in await trees.counts(connection, root_id) if each.stage == "parts"]
    return sum(each.done + each.failed for each in counts), sum(each.planned for each in counts)


def _words(locale: str, stage: Stage, number: int, of: int) -> str:
    if stage == "report":
        return say(locale, "analysis.progress_report")
    if stage == "merge" or number >= of:
        return say(locale, "analysis.progress_merge")
    return say(locale, "analysis.progress_part", number=number + 1, of=of)


def _stop_button(locale: str, root_id: UUID) -> Buttons:
    return ((Button(say(locale, "button.analysis_stop"), f"{STOP}{root_id}"),),)


def _key(root_id: UUID) -> str:
    return f"progress:{root_id}"
