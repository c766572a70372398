"""What /stats says."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wallet.wording import duration
from jobs.companion.wording import say
from jobs.db.gpu import lanes as lane_rows
from jobs.db.gpu.lanes import LaneState
from jobs.db.people import statistics
from jobs.db.queue import queues
from jobs.db.queue.queues import QueueState
from jobs.queues import lane_queues
from jobs.settings import LaneSettings


async def report(connection: AsyncConnection, locale: str, settings: LaneSettings) -> str:
    lines = [say(locale, "stats.figures", **asdict(await statistics.figures(connection)))]
    busy = [state for state in await queues.states(connection, settings) if state.waiting or state.running]
    lines += ["", say(locale, "stats.queues"), *(_queue(locale, state) for state in busy)] if busy else []
    lanes = await lane_rows.states(connection, lane_queues(settings))
    if lanes:
        lines += ["", say(locale, "stats.lanes"), *_lanes(locale, lanes)]
    return "\n".join(lines)


def _queue(locale: str, state: QueueState) -> str:
    values = {"queue": state.name, "waiting": state.waiting, "running": state.running}
    if state.oldest is None:
        return say(locale, "stats.queue", **values)
    return say(locale, "stats.queue_waits", wait=duration(locale, state.oldest), **values)


def _lanes(locale: str, lanes: Sequence[LaneState]) -> list[str]:
    return [
        say(locale, "stats.lane_up", queue=lane.queue)
        if lane.healthy and lane.served
        else say(locale, "stats.lane_down", queue=lane.queue)
        for lane in lanes
    ]
