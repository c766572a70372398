"""A lane goes down and comes back: told by its websocket, written down for everybody, and its tickets moved."""

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import lanes as lane_rows
from jobs.db.commit import commit
from jobs.db.session import Database
from jobs.lanes.gates import Gates

log = structlog.get_logger()

# a socket that breaks is often back at once; a ComfyUI that restarts is not
PATIENCE_SECONDS = 2.0


class LaneHealth:
    """One for each lane that this worker serves; `run` it beside the work."""

    def __init__(self, queue: str, host: str, database: Database, gates: Gates) -> None:
        self.queue = queue
        self.host = host
        self.database = database
        self.gates = gates
        self.connected = False
        self.changed = asyncio.Event()

    def heard(self, connected: bool) -> None:
        """Called by the lane's client whenever its websocket comes or goes."""
        self.connected = connected
        if connected:
            self.gates.open(self.queue)
        else:
            self.gates.close(self.queue)
        self.changed.set()

    async def run(self) -> None:
        async with self.database.transaction() as connection:
            await lane_rows.register(connection, self.queue, self.host)
        while True:
            if not self.connected:
                await self._wait(PATIENCE_SECONDS)
            await self._write_down(self.connected)
            await self._wait(None)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        except TimeoutError:
            return
        self.changed.clear()

    async def _write_down(self, healthy: bool) -> None:
        moved: dict[str, int] = {}

        async def write(connection: AsyncConnection) -> None:
            failure = None if healthy else f"ComfyUI at {self.host} cannot be reached."
            changed = await lane_rows.set_health(connection, self.queue, healthy=healthy, failure=failure)
            if changed and not healthy:
                moved.update(await lane_rows.move_waiting(connection, self.queue))

        await commit(self.database, write)
        log.info("lane is up" if healthy else "lane is down", lane=self.queue, moved=moved or None)
