"""How much of a worker's time may the runs take for which nobody waits alone?

All runs of a worker share one event loop. When many steps of a world go on at the same time, whatever else this worker
does (an answer for a chat) waits for a piece of each of them, again and again. So only few of them are at work at a
time; while one waits for a provider, another one is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

# a second one would do little more: it is the time of this one process that they share
AT_WORK = 1


class Turnstile:
    """One in each worker."""

    def __init__(self, at_work: int = AT_WORK) -> None:
        self.places = asyncio.Semaphore(at_work)

    def passage(self) -> "Passage":
        return Passage(self.places)


class Passage:
    """Of one run: open it around all that the run does, and be `aside` where it only waits for somebody else."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self.places = places
        self.inside = False

    async def __aenter__(self) -> Self:
        await self._enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        if not self.inside:
            yield
            return
        self._leave()
        try:
            yield
        finally:
            # cancelled while it waits here, it is not inside, and leaves nothing
            await self._enter()

    async def _enter(self) -> None:
        await self.places.acquire()
        self.inside = True

    def _leave(self) -> None:
        if self.inside:
            self.inside = False
            self.places.release()
