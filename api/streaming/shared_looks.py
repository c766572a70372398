"""Readers who stand at the same place in the log and want to see the same are told by one look at the database."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Found = TypeVar("Found")

# when everybody is woken at once, other requests still find a connection
AT_ONCE = 5


class SharedLooks(Generic[Found]):
    """Only a look that has not begun is shared: whoever was woken before it began finds in it what it was woken for."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._waiting: dict[Hashable, asyncio.Task[Found]] = {}
        self._all: set[asyncio.Task[Found]] = set()

    async def __call__(self, what: Hashable, look: Callable[[], Awaitable[Found]]) -> Found:
        """What `look` finds, when it is its turn; or what another with the same `what` finds then."""
        task = self._waiting.get(what)
        if task is None:
            task = self._waiting[what] = asyncio.create_task(self._in_turn(what, look))
            self._all.add(task)
            task.add_done_callback(self._all.discard)
        # one of them may leave: the look is for the others too
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        for task in list(self._all):
            task.cancel()
        await asyncio.gather(*self._all, return_exceptions=True)

    async def _in_turn(self, what: Hashable, look: Callable[[], Awaitable[Found]]) -> Found:
        try:
            await self._turns.acquire()
        finally:
            self._waiting.pop(what, None)
        try:
            return await look()
        finally:
            self._turns.release()
