"""Which workers live, by the heartbeats that they write; what each serves, and what it has in hand."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.session import Database

# a heartbeat is written every five seconds; a worker silent for longer is given up
SILENT_SECONDS = 30


@dataclass(frozen=True)
class InHand:
    """One piece of work of a worker: a job, or a delivery, or care by the clock, whose kind is its name.

    `seconds`: since this worker took it.
    """

    kind: str
    queue: str
    seconds: float
    job_id: UUID | None
    delivery_id: int | None


@dataclass(frozen=True)
class LiveWorker:
    """`queues`: empty means all. A worker that has not yet said who it is has None in all that it would say."""

    id: int
    name: str | None
    queues: list[str] | None
    host: str | None
    pid: int | None
    started_at: datetime | None
    heartbeat_seconds: float
    running: list[InHand]

    def serves(self, queue: str) -> bool:
        return self.queues is not None and (not self.queues or queue in self.queues)


HEARD = "last_heartbeat > now() - make_interval(secs => :silent)"
ALIVE = text(f"SELECT count(*) FROM procrastinate_workers WHERE {HEARD}")
LIVING = text(
    "SELECT beat.id, name, queues, host, pid, started_at,"
    " greatest(0, extract(epoch FROM now() - last_heartbeat))::float8 AS heartbeat_seconds"
    f" FROM procrastinate_workers AS beat LEFT JOIN workers USING (id) WHERE {HEARD} ORDER BY name, beat.id"
)
IN_HAND = text(
    "SELECT ticket.worker_id, ticket.queue_name AS queue, ticket.task_name AS task,"
    " ticket.args->>'job_id' AS job_id, ticket.args->>'delivery_id' AS delivery_id, jobs.kind,"
    " greatest(0, coalesce(extract(epoch FROM now() - (SELECT max(at) FROM procrastinate_events AS event"
    "  WHERE event.job_id = ticket.id AND event.type = 'started')), 0))::float8 AS seconds"
    " FROM procrastinate_jobs AS ticket LEFT JOIN jobs ON jobs.id = CAST(ticket.args->>'job_id' AS uuid)"
    " WHERE ticket.status = 'doing' AND ticket.worker_id = ANY(:workers) ORDER BY ticket.id"
)


async def alive(database: Database) -> int:
    async with database.transaction() as connection:
        return int((await connection.execute(ALIVE, {"silent": SILENT_SECONDS})).scalar_one())


async def living(connection: AsyncConnection) -> list[LiveWorker]:
    """In the order of their names."""
    found = (await connection.execute(LIVING, {"silent": SILENT_SECONDS})).mappings().all()
    running: dict[int, list[InHand]] = {}
    for row in await connection.execute(IN_HAND, {"workers": [each["id"] for each in found]}):
        job_id = UUID(row.job_id) if row.job_id else None
        delivery_id = int(row.delivery_id) if row.delivery_id else None
        kind = row.kind or ("delivery" if delivery_id else row.task)
        running.setdefault(row.worker_id, []).append(InHand(kind, row.queue, row.seconds, job_id, delivery_id))
    return [LiveWorker(**row, running=running.get(row["id"], [])) for row in found]
