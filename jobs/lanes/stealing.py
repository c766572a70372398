"""A lane that ran dry takes the tail of the longest queue, where its picture will then be ready sooner."""

import asyncio
import contextlib

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.gpu import lane_moves
from jobs.db.gpu import lanes as lane_rows
from jobs.db.gpu.lanes import LaneState, OpenWork
from jobs.db.session import Database
from jobs.lanes.gates import Gates
from jobs.queues import is_lane, lane_queues
from jobs.settings import LaneSettings

log = structlog.get_logger()

# the open work of each lane
Work = dict[str, list[OpenWork]]


class Stealing:
    """One for a worker's lanes: `run` it beside the work. The queue's worker says which lane has room and no work."""

    def __init__(self, database: Database, settings: LaneSettings, gates: Gates) -> None:
        self.database = database
        self.settings = settings
        self.dry: set[str] = set()
        self.due = asyncio.Event()
        if len(lane_queues(settings)) > 1:
            gates.on_dry = self.ran_dry

    def ran_dry(self, queue: str) -> None:
        if is_lane(queue):
            self.dry.add(queue)
            self.due.set()

    async def run(self) -> None:
        while True:
            await self.due.wait()
            self.due.clear()
            dry, self.dry = self.dry, set()
            for queue in sorted(dry):
                with contextlib.suppress(*DATABASE_ERRORS):
                    async with self.database.transaction() as connection:
                        await steal(connection, self.settings, queue)


async def steal(connection: AsyncConnection, settings: LaneSettings, thief: str) -> bool:
    """Whether a ticket of another lane waits at `thief` now."""
    lanes = lane_queues(settings)
    work = await lane_rows.open_work(connection, lanes)
    if not work.keys() - {thief}:
        return False  # as on most looks of a lane that has nothing to do
    states = {state.queue: state for state in await lane_rows.states(connection, lanes)}
    mine = states.get(thief)
    if mine is None or not mine.healthy or mine.paused:
        return False
    load_seconds = await lane_rows.usual_load_seconds(connection)
    victims = [state for state in states.values() if state.queue != thief and state.paused != "hold"]
    for victim in sorted(victims, key=lambda state: -_seconds(work.get(state.queue, []))):
        if await _steal_from(connection, victim, mine, work, load_seconds):
            return True
    return False


async def _steal_from(
    connection: AsyncConnection, victim: LaneState, mine: LaneState, work: Work, load_seconds: float
) -> bool:
    """Its tail of the model that we will hold by then, or of any other if loading that is worth it."""
    theirs, own = work.get(victim.queue, []), work.get(mine.queue, [])
    held = own[-1].model if own else mine.loaded
    stranded = not victim.healthy or not victim.served
    for each in sorted(theirs, key=lambda group: group.model != held):
        own_start = _seconds(own) + (0 if each.model == held else load_seconds)
        their_start = _seconds(theirs) - each.seconds / max(1, each.jobs)
        if not stranded and own_start >= their_start:
            continue
        reason = f"{victim.queue} does not draw now" if stranded else f"{mine.queue} ran dry"
        if await lane_moves.take_tail(
            connection,
            source=victim.queue,
            target=mine.queue,
            model=each.model,
            reason=reason,
            spare_adoptable=victim.healthy,
        ):
            log.info("took a picture over", lane=mine.queue, source=victim.queue, reason=reason)
            return True
    return False


def _seconds(work: list[OpenWork]) -> float:
    return sum(each.seconds for each in work)
