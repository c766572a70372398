"""Server-sent events: one long answer that follows the event log from where its reader stands.

The log is read only when the bell was rung. So a stream says what the log says, in its order, however late or often it
is woken, however slowly its client reads, and goes on after the database was away.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Hashable
from contextlib import AbstractContextManager
from typing import Any, Protocol
from uuid import UUID

from fastapi.sse import EventSourceResponse, format_sse_event
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Receive, Scope, Send

from api.streaming.streams import Batch, Streams, is_valid
from jobs.db.access import page_sessions
from jobs.db.commit import DATABASE_ERRORS
from jobs.errors import InvalidInput
from jobs.events.hub import Bell

# proxies that collect an answer before they pass it on are asked not to
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
PING = format_sse_event(comment="ping")
RETRY_MS = 1000


AWAY = Batch(hidden=True)
OVER = Batch(ended=True)


class Reader(Protocol):
    """Stands `after` a place in the log. `opening` is what a client is told before the first look; `wants` is all that
    a look depends on, so that readers who want the same share it."""

    opening: bytes
    after: Any

    @property
    def wants(self) -> Hashable: ...

    async def look(self, connection: AsyncConnection, /) -> Batch: ...


class EventStream(EventSourceResponse):
    """The answer to one client. `bell` rings when `reader` should look. `session`: the token of one of the pages."""

    def __init__(
        self,
        streams: Streams,
        reader: Reader,
        *,
        bell: AbstractContextManager[Bell],
        key_id: UUID,
        session: str | None = None,
    ) -> None:
        self.streams = streams
        self.reader = reader
        self.bell = bell
        self.key_id = key_id
        self.session = session
        self.key_checked = self.spoke = asyncio.get_running_loop().time()
        self.pause = streams.patience.first_look
        self.chunks = self._chunks()
        super().__init__(self.chunks, headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.streams.counted(self.key_id):
            try:
                await super().__call__(scope, receive, send)
            finally:
                # a client that left while it was written to leaves the generator where it stood
                await self.chunks.aclose()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        with self.bell as bell:
            yield format_sse_event(retry=RETRY_MS) + self.reader.opening
            while not self.streams.hub.draining:
                batch = await self._next()
                if batch.words:
                    yield self._said(batch.words)
                if batch.ended:
                    return
                while not batch.more and not await bell.wait(self._quiet_for(batch)):
                    if self._ping_is_due():
                        yield self._said(PING)
                    if batch.hidden:
                        break
            yield farewell()

    async def _next(self) -> Batch:
        now = asyncio.get_running_loop().time()
        if now - self.key_checked >= self.streams.patience.key_check:
            self.key_checked = now
            checked = await self.streams.looks(("key", self.key_id, self.session), self._check_key)
            if checked.ended:
                return checked
        batch = await self.streams.looks(self.reader.wants, self._look)
        self.reader.after = batch.next or self.reader.after
        return batch

    async def _look(self) -> Batch:
        try:
            async with self.streams.database.statement() as connection:
                return await self.reader.look(connection)
        except DATABASE_ERRORS:
            return AWAY
        except InvalidInput:
            # the place was good when the stream began: the database was set back, and the client must begin anew
            return OVER

    async def _check_key(self) -> Batch:
        try:
            async with self.streams.database.statement() as connection:
                good = await is_valid(connection, self.key_id)
                if good and self.session is not None:
                    good = await page_sessions.is_open(connection, self.session)
                return Batch() if good else OVER
        except DATABASE_ERRORS:
            return AWAY

    def _quiet_for(self, batch: Batch) -> float:
        patience = self.streams.patience
        if not batch.hidden:
            self.pause = patience.first_look
            return max(0.0, self.spoke + patience.ping - asyncio.get_running_loop().time())
        pause, self.pause = self.pause, min(self.pause * 2, patience.last_look)
        return pause

    def _ping_is_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self.spoke + self.streams.patience.ping

    def _said(self, words: bytes) -> bytes:
        self.spoke = asyncio.get_running_loop().time()
        return words


def farewell() -> bytes:
    """Come back soon, but not all in the same moment."""
    return format_sse_event(
        event="reconnect", data_str='{"reason":"stopping"}', retry=RETRY_MS + secrets.randbelow(1000)
    )
