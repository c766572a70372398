"""What happens to the fleet meanwhile: every few seconds a worker is killed, and half way the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from bench.chat_load_people import Crowd
from bench.chat_load_workers import Workers
from sandbox.postgres import EmbeddedPostgres

KILL_SECONDS = 5.0
LOOK_SECONDS = 0.1


class Faults:
    """Counts what it did."""

    def __init__(self, postgres: EmbeddedPostgres, workers: Workers, crowd: Crowd) -> None:
        self.postgres = postgres
        self.workers = workers
        self.crowd = crowd
        self.killed = 0
        self.restarts = 0

    @contextlib.asynccontextmanager
    async def happening(self) -> AsyncIterator[None]:
        """Raises what they raise, once the block has ended."""
        killing, restarting = asyncio.create_task(self._kill()), asyncio.create_task(self._restart())
        try:
            yield
        finally:
            killing.cancel()
            if not self.restarts:
                restarting.cancel()
            came = await asyncio.gather(killing, restarting, return_exceptions=True)
        for each in came:
            if isinstance(each, Exception):
                raise each

    async def _kill(self) -> None:
        while True:
            await asyncio.sleep(KILL_SECONDS)
            self.workers.kill_next()
            self.killed += 1

    async def _restart(self) -> None:
        """As a power cut does, when about every second person has an answer."""
        while self.crowd.answers < len(self.crowd.writers) // 2:  # noqa: ASYNC110 - it is looked at, nobody tells
            await asyncio.sleep(LOOK_SECONDS)
        self.restarts += 1
        # whoever knows it comes back to the same address
        self.postgres.wanted_port = self.postgres.port
        await asyncio.to_thread(self._power_cut)

    def _power_cut(self) -> None:
        self.postgres.kill()
        self.postgres.start()
