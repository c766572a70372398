"""A reply is shown while it is written, with a button that stops the writing: what there is then is the reply.

A courtesy: whatever goes wrong with the preview, the reply is written on and sent as a message. A reply that comes
quickly has none.
"""

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import split_text
from jobs.db.chats import chat_pace, draft_stops
from jobs.db.chats.chat_pace import BOT, Pace
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.owners import of_person

if TYPE_CHECKING:
    from jobs.providers.chat_model import ChatMessage, ChatModel

log = structlog.get_logger()

# a reply that takes no longer comes as a message at once; and so far apart are two looks of the preview
EVERY_SECONDS = 1.1
# a Bot API server, or a chat, that takes no drafts is not asked again for so long
REFUSED_SECONDS = 6 * 3600.0
AWAY_SECONDS = 60.0
THOUGHTS = re.compile(r"\A\s*<think>.*?(?:</think>\s*|\Z)", re.DOTALL)
# numbers that every client reads without loss
LARGEST_ID = 2**31 - 1


class Refusal(Protocol):
    """As jobs.delivery.telegram.NotSent."""

    @property
    def reason(self) -> str: ...
    @property
    def retry_in(self) -> float | None: ...
    @property
    def recipient_gone(self) -> bool: ...
    @property
    def misconfigured(self) -> bool: ...


class ShowsDrafts(Protocol):
    async def draft(self, chat_id: int, draft_id: int, text: str) -> Refusal | None: ...


@dataclass(frozen=True)
class Written:
    """`usage` as in `jobs.usage`."""

    text: str
    usage: dict[str, Any]


def draft_id(job_id: UUID) -> int:
    """The same for every run of the job: a later one goes on in the same place."""
    return job_id.int % LARGEST_ID + 1


@dataclass
class Draft:
    """`pieces` arrive as tokens do, one by one or a few together."""

    telegram: ShowsDrafts
    database: Database
    pace: Pace
    chat_id: int
    job: Job
    pieces: list[str] = field(default_factory=list)
    shown: str = ""

    @property
    def text(self) -> str:
        """What is written so far, without what the model thought before it began."""
        return THOUGHTS.sub("", "".join(self.pieces)).strip()

    async def until_stopped(self) -> None:
        """Shows what is written, and returns when its reader wants no more of it."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                if self.shown and await self._is_stopped():
                    return
                await self._show()
            except Exception:
                log.warning("draft not shown", job_id=str(self.job.id), exc_info=True)

    async def _is_stopped(self) -> bool:
        async with self.database.statement() as connection:
            return await draft_stops.is_requested(connection, self.job.id, self.job.run_token)

    async def _show(self) -> None:
        # of a text that needs several messages, the one that is being written
        parts = split_text(self.text)
        if not parts or parts[-1] == self.shown or not await self._has_turn():
            return
        refusal = await self.telegram.draft(self.chat_id, draft_id(self.job.id), parts[-1])
        if refusal is None:
            self.shown = parts[-1]
        else:
            await self._leave_out(refusal)

    async def _has_turn(self) -> bool:
        async with self.database.statement() as connection:
            return await chat_pace.take_spare_turn(connection, self.chat_id, self.pace)

    async def _leave_out(self, refusal: Refusal) -> None:
        log.info("no drafts for now", chat_id=self.chat_id, reason=refusal.reason)
        chat_id, seconds = _without_drafts(self.chat_id, refusal)
        async with self.database.statement() as connection:
            await chat_pace.leave_out_drafts(connection, chat_id, seconds)


async def stop(connection: AsyncConnection, user_id: int, number: int) -> None:
    """The reply that this person reads as the draft of this number ends with what is written. Nothing if it has."""
    for run in await draft_stops.running(connection, of_person(user_id)):
        if draft_id(run.job_id) == number:
            await draft_stops.request(connection, run)


def draft_of(telegram: ShowsDrafts | None, database: Database, pace: Pace, job: Job) -> Draft | None:
    """None for what is not written into a chat."""
    chat = job.destination.get("telegram")
    if telegram is None or not chat:
        return None
    return Draft(telegram, database, pace, int(chat["chat_id"]), job)


async def write_reply(
    model: "ChatModel", draft: Draft | None, system: str, messages: "Sequence[ChatMessage]", *, max_tokens: int
) -> Written:
    """As `model.complete`, and shown meanwhile; with what was written by then where its reader stopped it."""
    if draft is None:
        completion = await model.complete(system, messages, max_tokens=max_tokens)
        return Written(completion.text, completion.usage)
    writing = asyncio.create_task(_write(model, draft, system, messages, max_tokens))
    reading = asyncio.create_task(draft.until_stopped())
    try:
        await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
        if writing.done():
            return writing.result()
    finally:
        # a preview that is still under way must not come after the message
        for each in (writing, reading):
            each.cancel()
        await asyncio.gather(writing, reading, return_exceptions=True)
    # the provider does not tell any more what it took: what arrived is counted
    return Written(draft.text, {"completion_tokens": len(draft.pieces)})


async def _write(
    model: "ChatModel", draft: Draft, system: str, messages: "Sequence[ChatMessage]", max_tokens: int
) -> Written:
    async with aclosing(model.stream(system, messages, max_tokens=max_tokens)) as pieces:
        async for piece in pieces:
            if not isinstance(piece, str):
                return Written(piece.text, piece.usage)
            draft.pieces.append(piece)
    raise AssertionError("a stream ends with its Completion")


def _without_drafts(chat_id: int, refusal: Refusal) -> tuple[int, float]:
    """Who gets none, and for how many seconds."""
    if refusal.misconfigured:
        # the method is unknown to this server
        return BOT, REFUSED_SECONDS
    if refusal.recipient_gone:
        return chat_id, AWAY_SECONDS
    return chat_id, REFUSED_SECONDS if refusal.retry_in is None else refusal.retry_in
