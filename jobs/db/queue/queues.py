"""What waits and runs in each queue, and an operator's hand on it: pause and resume."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.queue import workers
from jobs.errors import InvalidInput
from jobs.queues import all_queues, is_lane, no_such_queue
from jobs.settings import LaneSettings

Mode = Literal["drain", "hold"]
MODES: tuple[Mode, ...] = ("drain", "hold")
# deliveries out are no jobs; in a queue's depth they stand under this name
DELIVERY = "delivery"


@dataclass(frozen=True)
class QueueDepth:
    """Open work of one kind and status in one queue. `running`: how many of it a worker has in hand.

    `oldest`: seconds since the oldest could have started, so a job for later is not old.
    """

    queue: str
    kind: str
    status: str
    jobs: int
    running: int
    oldest: float


@dataclass(frozen=True)
class QueueState:
    """`known`: false for one that only old work names, such as a lane that COMFYUI_HOSTS no longer has.

    `workers`: how many that are alive serve it. `oldest`: seconds that the oldest waiting piece has waited.
    """

    name: str
    known: bool
    paused: Mode | None
    paused_at: datetime | None
    waiting: int
    running: int
    oldest: float | None
    workers: int
    kinds: list[QueueDepth]


@dataclass(frozen=True)
class PausedQueue:
    name: str
    mode: Mode
    paused_at: datetime


DEPTH = text(
    "SELECT queue, kind, status, count(*) AS jobs, count(run_token) AS running,"
    " greatest(0, extract(epoch FROM now() - min(greatest(created_at, run_at))))::float8 AS oldest"
    # a root that waits for its steps stands in no queue
    " FROM jobs WHERE status IN ('pending', 'processing') AND ran_at IS NULL"
    " GROUP BY queue, kind, status ORDER BY queue, kind, status"
)
DELIVERY_DEPTH = text(
    "SELECT CASE channel WHEN 'webhook' THEN 'webhooks' ELSE channel END AS queue, CAST(:kind AS text) AS kind, status,"
    " count(*) AS jobs, count(*) FILTER (WHERE status = 'sending') AS running,"
    " greatest(0, extract(epoch FROM now() - min(greatest(created_at, next_attempt_at))))::float8 AS oldest"
    " FROM deliveries WHERE status IN ('pending', 'sending') GROUP BY channel, status ORDER BY channel, status"
)
PAUSED = text("SELECT name, mode, paused_at FROM paused_queues ORDER BY name")
PAUSE = text(
    "INSERT INTO paused_queues AS known (name, mode) VALUES (:name, :mode) ON CONFLICT (name) DO UPDATE"
    " SET mode = excluded.mode, paused_at = now() WHERE known.mode <> excluded.mode"
)
RESUME = text("DELETE FROM paused_queues WHERE name = :name")
NAMED = text(
    "SELECT EXISTS (SELECT FROM paused_queues WHERE name = :name)"
    " OR EXISTS (SELECT FROM jobs WHERE queue = :name AND status IN ('pending', 'processing'))"
)
# as procrastinate tells of a new ticket; whoever hears it looks for what waits, whatever its number
WAKE = text(
    """SELECT pg_notify(channel, '{"type": "job_inserted", "job_id": 0}')"""
    " FROM unnest(ARRAY['procrastinate_queue_v1#' || CAST(:name AS text), 'procrastinate_any_queue_v1']) AS channel"
)


async def states(connection: AsyncConnection, lanes: LaneSettings) -> list[QueueState]:
    """Every queue that there is, and then those that only old work or an old pause names."""
    work = await depth(connection) + await delivery_depth(connection)
    stopped = {each.name: each for each in await paused(connection)}
    alive = await workers.living(connection)
    known = all_queues(lanes)
    others = sorted({*stopped, *(each.queue for each in work)} - set(known))
    return [
        _state(
            name,
            known=name in known,
            pause=stopped.get(name),
            served_by=sum(worker.serves(name) for worker in alive),
            kinds=[each for each in work if each.queue == name],
        )
        for name in [*known, *others]
    ]


async def depth(connection: AsyncConnection) -> list[QueueDepth]:
    """Of open jobs."""
    return [QueueDepth(**row) for row in (await connection.execute(DEPTH)).mappings()]


async def delivery_depth(connection: AsyncConnection) -> list[QueueDepth]:
    """Of deliveries that are still to be sent."""
    return [QueueDepth(**row) for row in (await connection.execute(DELIVERY_DEPTH, {"kind": DELIVERY})).mappings()]


async def paused(connection: AsyncConnection) -> list[PausedQueue]:
    return [PausedQueue(**row) for row in (await connection.execute(PAUSED)).mappings()]


async def require(connection: AsyncConnection, lanes: LaneSettings, name: str) -> None:
    """Raises NotFound, naming the queues that exist, unless there is such a queue or work that waits in it."""
    if name not in all_queues(lanes) and not (await connection.execute(NAMED, {"name": name})).scalar():
        raise no_such_queue(name, lanes)


async def pause(connection: AsyncConnection, lanes: LaneSettings, name: str, mode: str) -> None:
    """`drain` (lanes only): no new work is sent there, what waits still runs. `hold`: nothing more is started there.

    What runs already is left alone. Raises NotFound, or InvalidInput for a mode that the queue does not have.
    """
    if mode not in MODES:
        raise InvalidInput(f"A queue is paused with {' or '.join(MODES)}, not with {mode!r}.", code="invalid_mode")
    await require(connection, lanes, name)
    if mode == "drain" and not is_lane(name):
        raise InvalidInput(
            f"Only lanes can drain: their new work goes to another lane. Nobody else does the work of {name}; hold it.",
            code="invalid_mode",
        )
    await connection.execute(PAUSE, {"name": name, "mode": mode})
    if mode == "drain":
        # it may have been held until now
        await connection.execute(WAKE, {"name": name})


async def resume(connection: AsyncConnection, lanes: LaneSettings, name: str) -> bool:
    """Whether it had been paused. Its workers are woken when the transaction commits. Raises NotFound."""
    await require(connection, lanes, name)
    was_paused = (await connection.execute(RESUME, {"name": name})).rowcount > 0
    await connection.execute(WAKE, {"name": name})
    return was_paused


def _state(name: str, *, known: bool, pause: PausedQueue | None, served_by: int, kinds: list[QueueDepth]) -> QueueState:
    running = sum(each.running for each in kinds)
    return QueueState(
        name=name,
        known=known,
        paused=pause.mode if pause else None,
        paused_at=pause.paused_at if pause else None,
        waiting=sum(each.jobs for each in kinds) - running,
        running=running,
        oldest=max((each.oldest for each in kinds if each.jobs > each.running), default=None),
        workers=served_by,
        kinds=kinds,
    )
