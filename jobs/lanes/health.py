"""A lane goes down and comes back: told by its websocket, written down for everybody, and its tickets moved."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.commit import DATABASE_ERRORS, commit
from jobs.db.gpu import lane_moves
from jobs.db.gpu import lanes as lane_rows
from jobs.db.session import Database
from jobs.errors import PostgenError
from jobs.lanes.away import tell_waiting
from jobs.lanes.gates import Gates
from jobs.lanes.restart import run_command

log = structlog.get_logger()

# a socket that breaks is often back at once; a ComfyUI that restarts is not
PATIENCE_SECONDS = 2.0
# a process that cannot be reached for so long is restarted, if there is a command for it, and not again too soon
RESTART_AFTER_SECONDS = 60.0
RESTART_PAUSE_SECONDS = 300.0

WarmUp = Callable[[], Awaitable[PostgenError | None]]


async def nothing_to_warm() -> None:
    return None


class LaneHealth:
    """One for each lane that this worker serves; `run` it beside the work.

    A lane is down while it has no connection, and, once `broke` was called, until its process was seen to go and come
    back and to draw again: `warm_up` says with which failure it did not. `otherwise`: the queue for what waits when no
    lane takes work any more.
    """

    def __init__(
        self,
        queue: str,
        host: str,
        database: Database,
        gates: Gates,
        *,
        restart_command: str = "",
        restart_after: float = RESTART_AFTER_SECONDS,
        restart_pause: float = RESTART_PAUSE_SECONDS,
        warm_up: WarmUp = nothing_to_warm,
        otherwise: str | None = None,
    ) -> None:
        self.queue = queue
        self.host = host
        self.database = database
        self.gates = gates
        self.restart_command = restart_command
        self.restart_after = restart_after
        self.restart_pause = restart_pause
        self.warm_up = warm_up
        self.otherwise = otherwise
        self.connected = False
        self.connections = 0
        self.broken_since = 0
        self.failure: PostgenError | None = None
        self.changed = asyncio.Event()

    def heard(self, connected: bool) -> None:
        """Called by the lane's client whenever its websocket comes or goes."""
        self.connected = connected
        if connected:
            self.connections += 1
            self.gates.open(self.queue, "away")
        else:
            self.gates.close(self.queue, "away")
        self.changed.set()

    async def broke(self, failure: PostgenError) -> None:
        """Its process will not draw again before a restart. Written down on return, so that retries go elsewhere."""
        if self.failure is None:
            self.broken_since = self.connections
            self.failure = failure
            self.gates.close(self.queue, "broken")
            self.changed.set()
        await self._write_down()

    async def run(self) -> None:
        if not self.connected:
            # one that is down from the beginning loses no connection that would tell us
            self.gates.close(self.queue, "away")
        await commit(self.database, lambda connection: lane_rows.register(connection, self.queue, self.host))
        while True:
            try:
                await self._watch()
            except DATABASE_ERRORS:
                log.exception("the state of the lane could not be written down", lane=self.queue)
                await asyncio.sleep(PATIENCE_SECONDS)

    async def _watch(self) -> None:
        while True:
            if self.failure:
                await self._come_back()
            elif not self.connected:
                await self._wait(PATIENCE_SECONDS)
            await self._write_down()
            silent = await self._wait(None if self.connected else self.restart_after)
            if silent and self.failure is None:
                await self._restart("it does not answer")

    async def _come_back(self) -> None:
        """From a broken process to one that draws: whoever restarts it, we see it come."""
        await self._restart("its GPU failed")
        while not (self.connected and self.connections > self.broken_since):
            if await self._wait(self.restart_pause):
                await self._restart("its GPU failed")
        self.broken_since = self.connections
        self.failure = await self.warm_up()
        if self.failure is None:
            self.gates.open(self.queue, "broken")
        else:
            log.error("lane does not draw after its restart", lane=self.queue, reason=self.failure.detail)

    async def _restart(self, reason: str) -> None:
        if not self.restart_command:
            return
        async with self.database.transaction() as connection:
            ours = await lane_rows.claim_restart(connection, self.queue, self.restart_pause)
        if ours:
            log.warning("restarting ComfyUI", lane=self.queue, reason=reason)
            # the socket goes and comes while the command runs, and is heard all the same
            await run_command(self.restart_command, self.queue, self.host)

    async def _wait(self, seconds: float | None) -> bool:
        """Until something changed; whether nothing did in the time."""
        try:
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        except TimeoutError:
            return True
        self.changed.clear()
        return False

    async def _write_down(self) -> None:
        healthy = self.connected and self.failure is None
        moved: dict[str, int] = {}
        told = False
        reason = self.failure.detail if self.failure else f"ComfyUI at {self.host} cannot be reached."

        async def write(connection: AsyncConnection) -> None:
            nonlocal told
            told = changed = await lane_rows.set_health(
                connection, self.queue, healthy=healthy, failure=None if healthy else reason
            )
            if changed and not healthy:
                moved.update(await lane_moves.move_waiting(connection, [self.queue], reason))
                if self.otherwise:
                    moved[self.otherwise] = await lane_moves.leave(connection, [self.queue], self.otherwise, reason)
                await tell_waiting(connection)

        await commit(self.database, write)
        if told:
            log.info("lane is up" if healthy else "lane is down", lane=self.queue, moved=moved or None)
