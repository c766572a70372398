"""What the event streams of this process share: the hub, the looks at the database, the count of each key's streams."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.streaming.drain import on_stop_signal
from api.streaming.shared_looks import SharedLooks
from jobs.db.session import Database
from jobs.errors import TooManyRequests
from jobs.events.hub import EventHub

VALID_KEY = text(
    "SELECT 1 FROM api_keys WHERE id = :id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
)


@dataclass(frozen=True)
class Patience:
    """Seconds. Tests shorten them."""

    ping: float = 15.0
    # what an older transaction hides is looked for so soon, and then ever later
    first_look: float = 0.02
    last_look: float = 0.5
    # a key that was revoked hears of events for no longer than this
    key_check: float = 60.0


@dataclass(frozen=True)
class Batch:
    """What one look found, as it is sent; the reader goes on at `next`. `hidden`: look again soon, nobody will ring.
    `ended`: nothing follows."""

    words: bytes = b""
    next: Any = None
    more: bool = False
    hidden: bool = False
    ended: bool = False


@dataclass
class Streams:
    hub: EventHub
    database: Database
    patience: Patience = Patience()
    per_key: int = 100
    by_key: Counter[UUID] = field(default_factory=Counter)
    looks: SharedLooks[Batch] = field(default_factory=SharedLooks)

    def require_room(self, key_id: UUID) -> None:
        """Raises TooManyRequests."""
        if self.by_key[key_id] >= self.per_key:
            raise TooManyRequests(
                f"This key has {self.per_key} event streams open here, and that is the limit. Close some, or follow all"
                " your jobs in one stream: GET /v1/events.",
                code="too_many_streams",
                retry_in=5,
            )

    @contextmanager
    def counted(self, key_id: UUID) -> Iterator[None]:
        self.by_key[key_id] += 1
        try:
            yield
        finally:
            self.by_key[key_id] -= 1
            self.by_key += Counter()  # forgets the keys that have none


@asynccontextmanager
async def event_streams(app: FastAPI) -> AsyncIterator[None]:
    """A part of the app's life. All streams take leave as soon as the process is told to stop."""
    hub: EventHub = app.state.hub
    app.state.streams = streams = Streams(hub, app.state.database)
    hub.start()
    try:
        with on_stop_signal(hub.drain):
            yield
    finally:
        hub.drain()
        await streams.looks.aclose()


async def is_valid(connection: AsyncConnection, key_id: UUID) -> bool:
    return (await connection.execute(VALID_KEY, {"id": key_id})).scalar() is not None
