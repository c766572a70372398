"""Who waits before this job in its queue, and what is known about how long that takes."""

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.gpu.lanes import UNKNOWN_LOAD_SECONDS, UNKNOWN_SECONDS
from jobs.db.queue.workers import SILENT_SECONDS
from jobs.db.work.jobs import Job

# of the jobs that ended last, those of a kind tell how long that kind takes
RECENT = 200
# a longer line is known by as many of its places, evenly spread
SAMPLES = 1000

Key = tuple[int, int, int]


@dataclass(frozen=True)
class Outlook:
    """`position`: 1 is the next one, None for a job whose time has not come. `eta`: seconds until it should be done."""

    position: int | None
    eta: float | None


UNKNOWN = Outlook(None, None)


@dataclass(frozen=True)
class Line:
    """Those who wait in one queue, in their order, as they stood at one moment.

    `keys[i]` is at `places[i]`, and all up to it take `seconds[i]`. `models`: at which place each is needed first.
    `running` jobs need `running_seconds` more. `served`: somebody works on the queue. `usual`: seconds of each kind.
    """

    total: int
    keys: list[Key]
    places: list[int]
    seconds: list[float]
    models: dict[str, int]
    running: int
    running_seconds: float
    loaded: str | None
    load_seconds: float
    served: bool
    usual: dict[str, float]

    def ahead_of(self, key: Key) -> tuple[int, float]:
        """How many go before it, and how many seconds they take; of a long line, from the known places around it."""
        found = bisect_left(self.keys, key)
        before, seconds = (self.places[found - 1], self.seconds[found - 1]) if found else (0, 0.0)
        if found == len(self.keys):
            return self.total, seconds
        return (self.places[found] - 1 if self.keys[found] == key else before), seconds

    def outlook(self, job: Job, drawing_seconds: float | None = None) -> Outlook:
        """No estimate for a queue that nobody works on, nor for a kind of which nothing is known.

        `drawing_seconds`: what a picture of this workflow is known to take.
        """
        ahead, seconds = self.ahead_of(key_of(job.priority, job.turn, job.ticket_id or 0))
        later = (job.run_at - datetime.now(UTC)).total_seconds() if job.run_at else 0.0
        position = None if later > 0 else ahead + 1
        if job.model is None:
            own = self.usual.get(job.kind)
            # as many run at once as run now: while there are jobs ahead, every slot is taken
            wait = ahead * (own or 0) / max(1, self.running)
        else:
            own = UNKNOWN_SECONDS if drawing_seconds is None else drawing_seconds
            wait = self.running_seconds + seconds + self._loads(job.model, ahead) * self.load_seconds
        if not self.served or own is None:
            return Outlook(position, None)
        return Outlook(position, round(max(wait, later) + own, 1))

    def _loads(self, model: str, ahead: int) -> int:
        """One picture after the other; every model that is not on the GPU has to be loaded once."""
        needed = {name for name, place in self.models.items() if place <= ahead} | {model}
        return len(needed - {self.loaded})


def key_of(priority: int, turn: int, ticket_id: int) -> Key:
    """The smaller goes first: higher priority, then an earlier turn, then an earlier ticket."""
    return (-priority, turn, ticket_id)


LINE = text(
    "WITH line AS (SELECT priority, turn, coalesce(ticket_id, 0) AS ticket_id, model,"
    "  row_number() OVER waiting AS place, (sum(coalesce(seconds, :unknown)) OVER waiting)::float8 AS seconds,"
    "  count(*) OVER () AS total"
    "  FROM jobs LEFT JOIN workflow_times USING (workflow)"
    "  WHERE queue = :queue AND status = 'pending' AND (run_at IS NULL OR run_at <= now())"
    "  WINDOW waiting AS (ORDER BY priority DESC, turn, ticket_id ROWS UNBOUNDED PRECEDING)) "
    "SELECT coalesce((SELECT max(total) FROM line), 0) AS total,"
    " (SELECT array_agg(ARRAY[priority, turn, ticket_id, place, (seconds * 1000)::bigint] ORDER BY place) FROM line"
    f"  WHERE place % greatest(total / {SAMPLES}, 1) = 0 OR place = total) AS sampled,"
    " (SELECT json_object_agg(model, place) FROM (SELECT model, min(place) AS place FROM line WHERE model IS NOT NULL"
    "  GROUP BY model) AS needed) AS models,"
    " running.jobs AS running, running.seconds AS running_seconds,"
    " (SELECT loaded FROM lanes WHERE queue = :queue) AS loaded,"
    " coalesce((SELECT avg(load_seconds) FROM workflow_times WHERE load_seconds > 0), :unknown_load)::float8"
    "  AS load_seconds,"
    " coalesce((SELECT healthy FROM lanes WHERE queue = :queue), true)"
    "  AND NOT EXISTS (SELECT FROM paused_queues WHERE name = :queue AND mode = 'hold')"
    "  AND EXISTS (SELECT FROM workers JOIN procrastinate_workers AS heart USING (id)"
    "   WHERE (cardinality(queues) = 0 OR :queue = ANY(queues))"
    "   AND last_heartbeat > now() - make_interval(secs => :silent)) AS served,"
    " (SELECT json_object_agg(kind, usual) FROM (SELECT kind,"
    "   avg(extract(epoch FROM finished_at - started_at))::float8 AS usual FROM (SELECT * FROM jobs"
    f"   WHERE expires_at IS NOT NULL ORDER BY expires_at DESC LIMIT {RECENT}) AS ended"
    "   WHERE status = 'completed' GROUP BY kind) AS known) AS usual"
    " FROM (SELECT count(*) AS jobs, coalesce(sum(greatest(coalesce(seconds, :unknown)"
    "  - extract(epoch FROM now() - started_at), 0)), 0)::float8 AS seconds"
    "  FROM jobs LEFT JOIN workflow_times USING (workflow)"
    "  WHERE queue = :queue AND status = 'processing' AND run_token IS NOT NULL) AS running"
)
DRAWING = text("SELECT workflow, seconds FROM workflow_times WHERE workflow = ANY(:workflows)")


async def line(connection: AsyncConnection, queue: str) -> Line:
    values = {
        "queue": queue,
        "unknown": UNKNOWN_SECONDS,
        "unknown_load": UNKNOWN_LOAD_SECONDS,
        "silent": SILENT_SECONDS,
    }
    row = dict((await connection.execute(LINE, values)).mappings().one())
    sampled = row.pop("sampled") or []
    return Line(
        keys=[key_of(*each[:3]) for each in sampled],
        places=[each[3] for each in sampled],
        seconds=[each[4] / 1000 for each in sampled],
        models=row.pop("models") or {},
        usual=row.pop("usual") or {},
        **row,
    )


async def drawing_seconds(connection: AsyncConnection, workflows: Collection[str]) -> dict[str, float]:
    """What pictures of these workflows take, where that was learnt."""
    if not workflows:
        return {}
    rows = await connection.execute(DRAWING, {"workflows": list(workflows)})
    return {row.workflow: row.seconds for row in rows}
