"""The figures for those who watch, read in one go. What is counted up restarts with each full hour.

Rows are forgotten by age, and a counter that sinks with them would be taken for a restart with everything counted
anew. A counter that begins again at zero each hour is a restart as Prometheus knows it, and a scrape reads two hours
of rows at most: those of the hour before only say which series there are, so that none vanishes at the full hour.
"""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.gpu.lane_report import busy_shares
from jobs.db.provider import provider_report
from jobs.db.provider.provider_report import ProviderReport
from jobs.db.queue import queues, workers
from jobs.db.queue.queues import PausedQueue, QueueDepth
from jobs.db.session import Database
from jobs.queues import QUEUES

# upper bounds of the seconds of a render
BOUNDS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0)


@dataclass(frozen=True)
class LaneMeasure:
    """`up`: its ComfyUI can be reached, and a living worker serves it. `busy`: share of the last minute."""

    queue: str
    up: bool
    busy: float
    waiting: int
    running: int


@dataclass
class RenderMeasure:
    """`within`: how many renders by the place of the smallest bound that holds them; the last place is beyond all."""

    workflow: str
    outcome: str
    seconds: float = 0.0
    within: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))

    @property
    def count(self) -> int:
        return sum(self.within)


@dataclass(frozen=True)
class Measures:
    """`deliveries`: by channel and status. `attempts`: by channel and outcome. `workers`: alive, by queue. `calls`: to
    providers, by provider and outcome.
    """

    depth: list[QueueDepth]
    paused: list[PausedQueue]
    lanes: list[LaneMeasure]
    renders: list[RenderMeasure]
    deliveries: dict[tuple[str, str], int]
    attempts: dict[tuple[str, str], int]
    workers: dict[str, int]
    providers: list[ProviderReport]
    calls: dict[tuple[str, str], int]


LANES = text("SELECT queue, healthy FROM lanes ORDER BY queue")
DELIVERIES = text(
    "SELECT channel, status, count(*) FROM deliveries WHERE status <> 'sent'"
    " GROUP BY channel, status ORDER BY channel, status"
)
FULL_HOUR = "date_trunc('hour', now(), 'UTC')"
HOUR_BEFORE = f"{FULL_HOUR} - interval '1 hour'"
# with the queues named it reads only the rows of these hours; counted from above, a bound holds what is equal to it
RENDERS = text(
    "SELECT workflow, outcome, :places - width_bucket(-seconds, CAST(:bounds AS float8[])) AS place,"
    f" count(*) FILTER (WHERE finished_at >= {FULL_HOUR}) AS renders,"
    f" coalesce(sum(seconds) FILTER (WHERE finished_at >= {FULL_HOUR}), 0) AS seconds"
    f" FROM renders WHERE queue = ANY(:lanes) AND finished_at >= {HOUR_BEFORE}"
    " GROUP BY workflow, outcome, place ORDER BY workflow, outcome, place"
)
# of deliveries that were made in these hours; OFFSET 0 looks each of them up instead of reading all tries ever
ATTEMPTS = text(
    f"SELECT channel, outcome, count(*) FILTER (WHERE attempt.finished_at >= {FULL_HOUR})"
    " FROM deliveries AS delivery CROSS JOIN LATERAL"
    "  (SELECT outcome, finished_at FROM delivery_attempts WHERE delivery_id = delivery.id OFFSET 0) AS attempt"
    f" WHERE delivery.created_at >= {HOUR_BEFORE} GROUP BY channel, outcome ORDER BY channel, outcome"
)
CALLS = text(
    f"SELECT provider, outcome, count(*) FILTER (WHERE started_at >= {FULL_HOUR}) FROM provider_calls"
    f" WHERE started_at >= {HOUR_BEFORE} GROUP BY provider, outcome ORDER BY provider, outcome"
)


async def read(database: Database) -> Measures:
    async with database.transaction() as connection:
        depth = await queues.depth(connection)
        lanes = {row[0]: row[1] for row in await connection.execute(LANES)}
        serving = await _serving(connection, [*QUEUES, *lanes])
        return Measures(
            depth=depth,
            paused=await queues.paused(connection),
            lanes=await _lanes(connection, lanes, depth, serving),
            renders=await _renders(connection, list(lanes)),
            deliveries={(row[0], row[1]): row[2] for row in await connection.execute(DELIVERIES)},
            attempts={(row[0], row[1]): row[2] for row in await connection.execute(ATTEMPTS)},
            workers=serving,
            providers=await provider_report.providers(connection),
            calls={(row[0], row[1]): row[2] for row in await connection.execute(CALLS)},
        )


async def _serving(connection: AsyncConnection, names: list[str]) -> dict[str, int]:
    alive = await workers.living(connection)
    return {name: sum(worker.serves(name) for worker in alive) for name in names}


async def _lanes(
    connection: AsyncConnection, lanes: dict[str, bool], depth: list[QueueDepth], serving: dict[str, int]
) -> list[LaneMeasure]:
    busy = await busy_shares(connection, list(lanes))
    measures = []
    for queue, healthy in lanes.items():
        work = [each for each in depth if each.queue == queue]
        running = sum(each.running for each in work)
        waiting = sum(each.jobs for each in work) - running
        measures.append(LaneMeasure(queue, healthy and serving[queue] > 0, busy[queue][1], waiting, running))
    return measures


async def _renders(connection: AsyncConnection, lanes: list[str]) -> list[RenderMeasure]:
    found: dict[tuple[str, str], RenderMeasure] = {}
    values = {"lanes": lanes, "bounds": sorted(-bound for bound in BOUNDS), "places": len(BOUNDS)}
    for row in await connection.execute(RENDERS, values):
        measure = found.setdefault((row.workflow, row.outcome), RenderMeasure(row.workflow, row.outcome))
        measure.within[row.place] += row.renders
        measure.seconds += row.seconds
    return list(found.values())
