"""How far a picture is that somebody waits for: one message, edited while it is drawn, gone when it has ended.

The message itself is a delivery, so that it is never lost and always taken away. The edits are a courtesy: they go
straight to Telegram beside the run, stop before it ends, and failing is of no consequence.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.chat_payloads import payloads
from jobs.companion.messages.outbox import Button, Buttons, ChatDelete, ChatEdit, ChatText, send_to_chat
from jobs.companion.quiet import is_quiet
from jobs.companion.wording import say
from jobs.db.chats import chat_pace, progress_messages
from jobs.db.chats.chat_pace import Pace
from jobs.db.commit import DATABASE_ERRORS
from jobs.db.queue import queue_position
from jobs.db.queue.queue_position import Outlook
from jobs.db.session import Database
from jobs.db.work.jobs import Job

log = structlog.get_logger()

# a picture that comes sooner needs no message beside "sending photo…"
PATIENCE_SECONDS = 3.0
# edits count against the chat's limit
PAUSE_SECONDS = 2.0
# an edit that hangs holds up nothing
EDIT_SECONDS = 5.0
# whoever waits longer than this is told at once how long
LONG_WAIT_SECONDS = 10.0
CANCEL = "stop_picture:"


class Edits(Protocol):
    async def send(self, method: str, fields: dict[str, Any]) -> object: ...


class Reports(Protocol):
    def report(self, done: float, total: float, stage: str | None, /, **more: Any) -> None: ...


@dataclass
class Noted:
    """Passes a run's progress on, and keeps what share is done."""

    to: Reports
    share: float | None = None

    def report(self, done: float, total: float, stage: str | None, /, **more: Any) -> None:
        self.share = done / total if total else None
        self.to.report(done, total, stage, **more)


def is_followed(job: Job) -> bool:
    return "telegram" in job.destination and not is_quiet(job.destination)


async def outlook(connection: AsyncConnection, drawing: Job) -> Outlook:
    """How long the job that draws will wait. No estimate where it waits for nobody, and nothing is known of it."""
    workflow = drawing.workflow or ""
    known = (await queue_position.drawing_seconds(connection, [workflow])).get(workflow)
    found = (await queue_position.line(connection, drawing.queue)).outlook(drawing, known)
    return found if known or _ahead(found) else Outlook(found.position, None)


async def tell_wait(connection: AsyncConnection, job: Job, expected: Outlook) -> None:
    """When the picture is asked for, if it will take long: who goes first, and how long it will be."""
    if not is_followed(job) or expected.eta is None or expected.eta <= LONG_WAIT_SECONDS:
        return
    ahead, seconds = _ahead(expected), math.ceil(expected.eta / 5) * 5
    if ahead:
        await _plan(connection, job, say(_locale(job), "picture.waits", ahead=ahead, seconds=seconds))
    else:
        await _plan(connection, job, say(_locale(job), "picture.soon", seconds=seconds))


def _ahead(expected: Outlook) -> int:
    return (expected.position or 1) - 1


async def tell_ordered(connection: AsyncConnection, job: Job, wait: float) -> None:
    """Somebody else draws it, and no run stays with it meanwhile: `wait` seconds, or until they call back."""
    if is_followed(job) and wait >= PATIENCE_SECONDS:
        await _plan(connection, job, say(_locale(job), "picture.working"))


async def clear(connection: AsyncConnection, job: Job) -> None:
    """The picture has come, or never will: its message goes, if there is one. In the transaction that ends the job."""
    if not is_followed(job):
        return
    key = _key(job)
    if await progress_messages.find(connection, f"{key}:0"):
        gone = ChatDelete(of=f"{key}:0")
        await send_to_chat(connection, _chat(job), [gone], key=f"{key}:gone", job_id=job.id)


@asynccontextmanager
async def shown(
    job: Job, progress: Reports, database: Database, telegram: Edits | None, pace: Pace
) -> AsyncIterator[Reports]:
    """What is reported to this is shown in the job's chat as well, until the block ends."""
    if telegram is None or not is_followed(job):
        yield progress
        return
    noted = Noted(progress)
    showing = _Showing(job, noted, database, telegram, pace)
    task = asyncio.create_task(showing.run(), name=f"progress of {job.id} in its chat")
    try:
        yield noted
    finally:
        task.cancel()
        # whether the message was planned must be certain before the job ends, or nobody would take it away
        await asyncio.wait([task, *showing.planning])


@dataclass
class _Showing:
    job: Job
    noted: Noted
    database: Database
    telegram: Edits
    pace: Pace
    planning: list["asyncio.Task[None]"] = field(default_factory=list)
    shown: int | None = None

    async def run(self) -> None:
        await asyncio.sleep(PATIENCE_SECONDS)
        try:
            await self._plan()
            wait: float | None = PAUSE_SECONDS
            while wait is not None:
                await asyncio.sleep(wait)
                wait = await self._edit()
        except Exception:
            log.warning("progress not shown", job_id=str(self.job.id), exc_info=True)

    async def _plan(self) -> None:
        self.planning.append(asyncio.create_task(self._planned()))
        await asyncio.shield(self.planning[0])

    async def _planned(self) -> None:
        self.shown = self._percent()
        try:
            async with self.database.transaction() as connection:
                await _plan(connection, self.job, self._words())
        except DATABASE_ERRORS:
            log.warning("progress not told", job_id=str(self.job.id), exc_info=True)

    async def _edit(self) -> float | None:
        """Seconds until the next one; None when there is nothing to edit any more."""
        percent = self._percent()
        if percent is None or percent == self.shown:
            return PAUSE_SECONDS
        async with self.database.statement() as connection:
            message = await progress_messages.find(connection, f"{_key(self.job)}:0")
        if message is None or message.message_id is None:
            return PAUSE_SECONDS if message and message.open else None
        async with self.database.statement() as connection:
            if not await chat_pace.take_spare_turn(connection, _chat(self.job), self.pace):
                return PAUSE_SECONDS
        edit = ChatEdit(message.message_id, self._words(), cancel_button(_locale(self.job), self._root))
        [fields] = payloads(edit)
        method, number = fields.pop("method"), fields.pop("of")
        answer = await _sent(self.telegram, method, {"chat_id": _chat(self.job), "message_id": number, **fields})
        self.shown = percent
        return answer

    def _percent(self) -> int | None:
        share = self.noted.share
        return None if share is None else math.floor(100 * min(1.0, max(0.0, share)))

    def _words(self) -> str:
        percent = self._percent()
        if percent is None:
            # it waits behind another one, or is drawn by somebody who does not tell how far it is
            return say(_locale(self.job), "picture.working")
        return say(_locale(self.job), "picture.drawing", percent=percent)

    @property
    def _root(self) -> UUID:
        return self.job.root_id or self.job.id


async def _sent(telegram: Edits, method: str, fields: dict[str, Any]) -> float | None:
    try:
        async with asyncio.timeout(EDIT_SECONDS):
            answer = await telegram.send(method, fields)
    except TimeoutError:
        return EDIT_SECONDS
    retry_in = getattr(answer, "retry_in", PAUSE_SECONDS)
    return None if retry_in is None else max(PAUSE_SECONDS, float(retry_in))


def cancel_button(locale: str, root_id: UUID) -> Buttons:
    return ((Button(say(locale, "button.cancel_picture"), f"{CANCEL}{root_id}"),),)


async def _plan(connection: AsyncConnection, job: Job, words: str) -> None:
    message = ChatText(words, cancel_button(_locale(job), job.root_id or job.id))
    await send_to_chat(connection, _chat(job), [message], key=_key(job), job_id=job.id)


def _key(job: Job) -> str:
    """One message for all jobs of a picture."""
    return f"progress:{job.root_id or job.id}"


def _chat(job: Job) -> int:
    return int(job.destination["telegram"]["chat_id"])


def _locale(job: Job) -> str:
    return str(job.destination["telegram"].get("locale", "en"))
