"""The state of the lanes, what is open on them, and what was learnt about how long things take."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

# before anything was learnt
UNKNOWN_SECONDS = 10.0
UNKNOWN_LOAD_SECONDS = 20.0
# how much the newest picture weighs in what is expected of the next one
NEWEST_WEIGHT = 0.2


@dataclass(frozen=True)
class LaneState:
    """`paused`: "drain" (what waits still runs), "hold" (nothing runs) or None. `loaded`: the model on the GPU.

    `served`: a live worker takes its tickets.
    """

    queue: str
    healthy: bool
    served: bool
    paused: str | None
    loaded: str | None


@dataclass(frozen=True)
class OpenWork:
    """Open jobs of one model: how many, and how many seconds they are expected to take together."""

    model: str | None
    jobs: int
    seconds: float


# does a worker that was heard lately serve the queue? A worker is given up after as long a silence
SERVED = (
    "EXISTS (SELECT FROM workers JOIN procrastinate_workers AS heart USING (id)"
    " WHERE {queue} = ANY(workers.queues) AND heart.last_heartbeat > now() - interval '30 seconds')"
)

STATES = text(
    f"SELECT lane AS queue, coalesce(healthy, true) AS healthy, {SERVED.format(queue='lane')} AS served,"
    " mode AS paused, loaded"
    " FROM unnest(CAST(:lanes AS text[])) WITH ORDINALITY AS asked (lane, position)"
    " LEFT JOIN lanes ON lanes.queue = lane LEFT JOIN paused_queues ON name = lane ORDER BY position"
)

OPEN_WORK = text(
    "SELECT queue, model, count(*) AS jobs, max(created_at) AS newest, sum(CASE"
    "  WHEN status = 'pending' OR started_at IS NULL THEN coalesce(seconds, :unknown)"
    "  ELSE greatest(coalesce(seconds, :unknown) - extract(epoch FROM now() - started_at), 0) END)::float8 AS seconds"
    " FROM jobs LEFT JOIN workflow_times USING (workflow)"
    " WHERE queue = ANY(:lanes) AND status IN ('pending', 'processing') AND (run_at IS NULL OR run_at <= now())"
    " GROUP BY queue, model ORDER BY newest"
)

USUAL_LOAD = text("SELECT avg(load_seconds) FROM workflow_times WHERE load_seconds > 0")

NEXT_TURN = text(
    "SELECT 1 + greatest(coalesce((SELECT turn FROM lanes WHERE queue = :queue), 0), coalesce((SELECT max(turn)"
    " FROM jobs WHERE queue = :queue AND owner = :owner AND status IN ('pending', 'processing')), 0))"
)

CURRENT_TURN = text(
    "SELECT turn FROM lanes WHERE queue = :queue UNION ALL SELECT turn FROM queue_turns WHERE queue = :queue"
)

REGISTER = text(
    "INSERT INTO lanes (queue, host) VALUES (:queue, :host)"
    " ON CONFLICT (queue) DO UPDATE SET host = excluded.host, loaded = CASE WHEN lanes.host = excluded.host"
    " THEN lanes.loaded END"
)

SERVE = text("UPDATE lanes SET turn = :turn WHERE queue = :queue AND turn < :turn")

SET_HEALTH = text(
    "UPDATE lanes SET healthy = :healthy, failure = :failure, loaded = CASE WHEN :healthy THEN loaded END,"
    " changed_at = now() WHERE queue = :queue AND healthy <> :healthy RETURNING queue"
).bindparams(bindparam("failure", type_=Text))

SET_STATS = text("UPDATE lanes SET stats = :stats WHERE queue = :queue").bindparams(bindparam("stats", type_=JSONB))

CLAIM_RESTART = text(
    "UPDATE lanes SET restarted_at = now() WHERE queue = :queue"
    " AND (restarted_at IS NULL OR restarted_at < now() - make_interval(secs => :pause)) RETURNING queue"
)

# since when no lane takes work; nothing while one does
AWAY_SINCE = text(
    "SELECT max(greatest(changed_at, paused_at)) FROM lanes LEFT JOIN paused_queues ON name = queue"
    " HAVING bool_and(NOT healthy OR name IS NOT NULL)"
)

RENDERED = text(
    # what went by before the first progress is loading only where the model had to be changed
    "WITH drawn AS (SELECT CASE WHEN EXISTS (SELECT 1 FROM lanes WHERE queue = :queue AND loaded = :model)"
    "  THEN 0 ELSE CAST(:load_seconds AS float8) END AS load_seconds),"
    " render AS (INSERT INTO renders (queue, job_id, workflow, outcome, seconds, load_seconds, finished_at)"
    "  SELECT :queue, :job_id, :workflow, :outcome, CAST(:seconds AS float8), load_seconds,"
    "   now() - make_interval(secs => :ago) FROM drawn),"
    " lane AS (UPDATE lanes SET loaded = :model WHERE queue = :queue AND loaded IS DISTINCT FROM :model"
    "  AND CAST(:outcome AS text) = 'completed') "
    "INSERT INTO workflow_times AS known (workflow, seconds, load_seconds)"
    " SELECT :workflow, CAST(:seconds AS float8) - load_seconds, load_seconds FROM drawn"
    "  WHERE CAST(:outcome AS text) = 'completed'"
    " ON CONFLICT (workflow) DO UPDATE SET samples = known.samples + 1,"
    "  seconds = known.seconds + :weight * (excluded.seconds - known.seconds),"
    "  load_seconds = CASE WHEN excluded.load_seconds = 0 THEN known.load_seconds"
    "   WHEN known.load_seconds = 0 THEN excluded.load_seconds"
    "   ELSE known.load_seconds + :weight * (excluded.load_seconds - known.load_seconds) END"
).bindparams(bindparam("model", type_=Text))


async def states(connection: AsyncConnection, lanes: list[str]) -> list[LaneState]:
    """In the order asked; a lane that never had a worker counts as healthy."""
    return [LaneState(**row) for row in (await connection.execute(STATES, {"lanes": lanes})).mappings()]


async def open_work(connection: AsyncConnection, lanes: list[str]) -> dict[str, list[OpenWork]]:
    """By lane, grouped by model, the group with the newest job last."""
    work: dict[str, list[OpenWork]] = {}
    for row in await connection.execute(OPEN_WORK, {"lanes": lanes, "unknown": UNKNOWN_SECONDS}):
        work.setdefault(row.queue, []).append(OpenWork(row.model, row.jobs, row.seconds))
    return work


async def usual_load_seconds(connection: AsyncConnection) -> float:
    known: float | None = (await connection.execute(USUAL_LOAD)).scalar()
    return UNKNOWN_LOAD_SECONDS if known is None else known


async def next_turn(connection: AsyncConnection, queue: str, owner: str) -> int:
    return int((await connection.execute(NEXT_TURN, {"queue": queue, "owner": owner})).scalar_one())


async def current_turn(connection: AsyncConnection, queue: str) -> int:
    """The one that the queue serves now; 0 for a queue that never had a worker, or in which there are none."""
    return int((await connection.execute(CURRENT_TURN, {"queue": queue})).scalar() or 0)


async def register(connection: AsyncConnection, queue: str, host: str) -> None:
    await connection.execute(REGISTER, {"queue": queue, "host": host})


async def serve(connection: AsyncConnection, queue: str, turn: int) -> None:
    """The queue is at this turn now: newcomers come after it."""
    await connection.execute(SERVE, {"queue": queue, "turn": turn})


async def set_health(connection: AsyncConnection, queue: str, *, healthy: bool, failure: str | None = None) -> bool:
    """Whether that changed anything. A ComfyUI that was away has an empty GPU."""
    values = {"queue": queue, "healthy": healthy, "failure": failure}
    return (await connection.execute(SET_HEALTH, values)).first() is not None


async def record_render(
    connection: AsyncConnection,
    *,
    queue: str,
    job_id: UUID,
    workflow: str,
    model: str | None,
    outcome: str,
    seconds: float,
    load_seconds: float,
    ago: float = 0.0,
) -> None:
    """`seconds` of the GPU, of which `load_seconds` before the first progress; it ended `ago` seconds ago."""
    values: dict[str, Any] = {
        "queue": queue,
        "job_id": job_id,
        "workflow": workflow,
        "model": model,
        "outcome": outcome,
        "seconds": seconds,
        "load_seconds": load_seconds,
        "ago": ago,
        "weight": NEWEST_WEIGHT,
    }
    await connection.execute(RENDERED, values)


async def set_stats(connection: AsyncConnection, queue: str, stats: dict[str, Any]) -> None:
    await connection.execute(SET_STATS, {"queue": queue, "stats": stats})


async def claim_restart(connection: AsyncConnection, queue: str, pause: float) -> bool:
    """Whether it is for us to restart the lane's ComfyUI: nobody did within the last `pause` seconds."""
    return (await connection.execute(CLAIM_RESTART, {"queue": queue, "pause": pause})).first() is not None


async def away_since(connection: AsyncConnection) -> datetime | None:
    """Since when no lane takes work; None while one does, or before there was any."""
    since: datetime | None = (await connection.execute(AWAY_SINCE)).scalar()
    return since


def seconds_of_work(loaded: str | None, work: list[OpenWork], load_seconds: float) -> float:
    """Until all that is open on a lane is done, changing to each model that it needs once."""
    loads = len({each.model for each in work} - {loaded})
    return max(0.0, sum(each.seconds for each in work) + load_seconds * loads)
