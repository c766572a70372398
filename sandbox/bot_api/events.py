"""What changed, in order: the one stream that the page and waiting tests follow."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sandbox.bot_api.wire import Wire, now

Found = TypeVar("Found")
KEPT_EVENTS = 20_000


@dataclass(frozen=True)
class Event:
    """`user_id` is None for what concerns no single chat."""

    seq: int
    kind: str
    bot_id: int | None
    user_id: int | None
    at: float
    data: Wire

    def wire(self) -> Wire:
        return {
            "seq": self.seq,
            "kind": self.kind,
            "bot_id": self.bot_id,
            "user_id": self.user_id,
            "at": self.at,
            "data": self.data,
        }


class EventLog:
    """Numbered from 1. A follower that was away asks for what came after the last number that it saw."""

    def __init__(self) -> None:
        self.kept: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self.last_seq = 0
        self.followers: set[asyncio.Queue[Event | None]] = set()
        self.closed = False

    def publish(self, kind: str, data: Wire, *, bot_id: int | None = None, user_id: int | None = None) -> None:
        self.last_seq += 1
        event = Event(self.last_seq, kind, bot_id, user_id, now(), data)
        self.kept.append(event)
        for queue in self.followers:
            queue.put_nowait(event)

    def reaches_back_to(self, seq: int) -> bool:
        """Whether everything after `seq` can still be told; False also for a number of an earlier server."""
        oldest = self.kept[0].seq if self.kept else self.last_seq + 1
        return oldest - 1 <= seq <= self.last_seq

    async def follow(self, after: int) -> AsyncIterator[Event]:
        """Ends when the server closes."""
        with self.subscription() as queue:
            for event in [event for event in self.kept if event.seq > after]:
                yield event
            while not self.closed and (event_or_end := await queue.get()) is not None:
                yield event_or_end

    async def wait_for(self, look: Callable[[], Found | None], timeout: float) -> Found | None:
        """What `look` finds, tried now and again after each event; None once `timeout` seconds have passed."""
        with self.subscription() as queue:
            try:
                async with asyncio.timeout(timeout):
                    while (found := look()) is None and not self.closed:
                        await queue.get()
            except TimeoutError:
                return look()
            return found

    @contextmanager
    def subscription(self) -> Iterator[asyncio.Queue[Event | None]]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.followers.add(queue)
        try:
            yield queue
        finally:
            self.followers.discard(queue)

    def close(self) -> None:
        self.closed = True
        for queue in self.followers:
            queue.put_nowait(None)
