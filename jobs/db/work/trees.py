"""The rows of a tree: a root that waits, its steps, and what is done to many of them in one statement.

Nothing here writes the root when a step ends. Whoever changes more than one row of a tree holds its root's row first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import COLUMNS, Job, Json, changing


@dataclass(frozen=True)
class Step:
    """What its root must know of it. `stopping`: it runs, and was asked to stop."""

    id: UUID
    parent_id: UUID
    stage: str
    critical: bool
    status: str
    error: Json | None
    stopping: bool

    @property
    def is_open(self) -> bool:
        return self.status in ("pending", "processing")


@dataclass(frozen=True)
class Count:
    """The steps of one stage: `done` came out well, `failed` ended without a result."""

    stage: str
    planned: int
    done: int
    failed: int


UNHELD = "(status = 'pending' OR (status = 'processing' AND run_token IS NULL AND ran_at IS NULL))"
IDS = bindparam("ids", type_=ARRAY(Uuid))
WAITING = "status = 'processing' AND ran_at IS NOT NULL"
OPEN = "status IN ('pending', 'processing')"
FAILED = "status IN ('failed', 'cancelled', 'expired')"

ROOT = text(f"SELECT {COLUMNS} FROM jobs job WHERE id = :id FOR UPDATE")

STEPS = text(
    "SELECT id, parent_id, coalesce(stage, kind) AS stage, critical, status, error,"
    f" status = 'processing' AND cancel_requested_at IS NOT NULL AND NOT {UNHELD} AS stopping"
    " FROM jobs WHERE root_id = :root_id AND parent_id IS NOT NULL ORDER BY created_at, id"
)

# a failed critical step has a branch to be closed, even while others are open
IS_DUE = text(
    f"SELECT EXISTS (SELECT FROM jobs WHERE id = :root_id AND {WAITING})"
    f" AND (NOT EXISTS (SELECT FROM jobs WHERE root_id = :root_id AND {OPEN})"
    f" OR EXISTS (SELECT FROM jobs WHERE id = :critical AND {FAILED}))"
).bindparams(bindparam("critical", type_=Uuid))
WAITS = text(f"SELECT EXISTS (SELECT FROM jobs WHERE id = :root_id AND {WAITING})")
DUE = text(
    "SELECT id FROM (SELECT id,"
    f" EXISTS (SELECT FROM jobs step WHERE step.root_id = root.id AND step.{OPEN}) AS growing,"
    " coalesce(deadline < now(), false) OR cancel_requested_at IS NOT NULL OR EXISTS (SELECT FROM jobs step"
    f" WHERE step.root_id = root.id AND step.critical AND step.{FAILED}) AS broken FROM jobs root WHERE {WAITING}) tree"
    " WHERE NOT growing OR broken ORDER BY growing, random() LIMIT :limit"
)

BRANCH = changing(
    "UPDATE jobs SET ran_at = now(), progressed_at = now(), result = :result, usage = :usage, progress = :data,"
    " run_token = NULL, ticket_id = NULL, event_seq = event_seq + 1"
    " WHERE id = :id AND run_token = :run_token AND status = 'processing' AND cancel_requested_at IS NULL"
).bindparams(bindparam("result", type_=JSONB), bindparam("usage", type_=JSONB))

END = changing(
    "UPDATE jobs SET status = :status, error = :error, partial = :partial, usage = :usage, progress = :progress,"
    " result = coalesce(:result, result),"
    " finished_at = now(), expires_at = now() + make_interval(secs => :ttl), event_seq = event_seq + 1"
    f" WHERE id = :id AND {WAITING}"
).bindparams(
    bindparam("error", type_=JSONB(none_as_null=True)),
    bindparam("result", type_=JSONB(none_as_null=True)),
    bindparam("usage", type_=JSONB),
    bindparam("progress", type_=JSONB),
)

# what its steps made is kept as long as the root
KEEP_MEDIA = text(
    "UPDATE media SET expires_at = :until WHERE expires_at < :until"
    " AND job_id IN (SELECT id FROM jobs WHERE root_id = :root_id)"
)

REOPEN = changing(
    "UPDATE jobs SET status = 'processing', retries = retries + 1, error = NULL, partial = false, usage = :usage,"
    " cancel_requested_at = NULL, finished_at = NULL, expires_at = NULL, progressed_at = NULL,"
    " deadline = CASE WHEN deadline > now() THEN deadline END, event_seq = event_seq + 1"
    f" WHERE id = :id AND NOT {OPEN} AND ran_at IS NOT NULL"
).bindparams(bindparam("usage", type_=JSONB))

USED = text(
    "SELECT name, sum(amount::numeric)::float8 AS amount FROM jobs, jsonb_each_text(usage) AS used (name, amount)"
    " WHERE root_id = :root_id AND parent_id IS NOT NULL GROUP BY name"
)

COUNTS = text(
    f"SELECT coalesce(stage, kind) AS stage, count(*) AS planned, count(*) FILTER (WHERE status = 'completed') AS done,"
    f" count(*) FILTER (WHERE {FAILED}) AS failed FROM jobs WHERE root_id = :root_id AND parent_id IS NOT NULL"
    " GROUP BY 1 ORDER BY min(created_at), 1"
)

# one of those who have seen a step end writes it, and nobody waits for that
TURN_TO_TELL = text(
    f"SELECT id FROM jobs WHERE id = :root_id AND {WAITING}"
    " AND coalesce(progressed_at < now() - make_interval(secs => :pause), true) FOR UPDATE SKIP LOCKED"
)
PROGRESS = changing(
    "UPDATE jobs SET progress = :progress, progressed_at = now(), event_seq = event_seq + 1"
    f" WHERE id = :id AND {WAITING} AND progress <> :progress"
).bindparams(bindparam("progress", type_=JSONB))


def changing_many(change: str, data: str = ":data") -> TextClause:
    """As `changing`, for all rows that `change` touches. `data`: SQL for what each event tells."""
    made = text(
        f"WITH job AS ({change} RETURNING jobs.*), event AS (INSERT INTO job_events (job_id, owner, seq, type, data)"
        f" SELECT id, owner, event_seq, :event, {data} FROM job) SELECT {COLUMNS} FROM job ORDER BY created_at, id"
    )
    return made.bindparams(bindparam("data", type_=JSONB)) if data == ":data" else made


# locked in one order, so that no two who do this wait for each other
HELD = (
    "UPDATE jobs SET {change}"
    " FROM (SELECT id FROM jobs WHERE id = ANY(:ids) AND {which} ORDER BY id FOR UPDATE) held WHERE jobs.id = held.id"
)
CLOSE = changing_many(
    HELD.format(
        change="status = :status, error = :error, cancel_requested_at = now(), finished_at = now(),"
        " expires_at = now() + make_interval(secs => :ttl), event_seq = event_seq + 1",
        which=UNHELD,
    )
).bindparams(IDS, bindparam("error", type_=JSONB(none_as_null=True)))
ASK = changing_many(
    HELD.format(
        change="error = :error, cancel_requested_at = now(), event_seq = event_seq + 1",
        which="status = 'processing' AND run_token IS NOT NULL AND cancel_requested_at IS NULL",
    )
).bindparams(IDS, bindparam("error", type_=JSONB(none_as_null=True)))

MEMBERS = {
    "id": "uuid", "kind": "text", "owner": "text", "input": "jsonb", "queue": "text", "priority": "integer",
    "workflow": "text", "model": "text", "turn": "bigint", "ticket_id": "bigint", "parent_id": "uuid",
    "root_id": "uuid", "dialog_id": "bigint", "destination": "jsonb", "metadata": "jsonb", "run_at": "timestamptz",
    "deadline": "timestamptz", "stage": "text", "critical": "boolean",
}  # fmt: skip
PLANT = changing_many(
    f"INSERT INTO jobs ({', '.join(MEMBERS)}, created_at, event_seq)"
    # one after the other, so that they are listed in the order in which the kind named them
    f" SELECT {', '.join(MEMBERS)}, clock_timestamp(), 1"
    f" FROM jsonb_to_recordset(:rows) AS row ({', '.join(f'{name} {sort}' for name, sort in MEMBERS.items())})",
    data="jsonb_build_object('queue', queue)",
).bindparams(bindparam("rows", type_=JSONB))

START_ANEW = changing_many(
    "UPDATE jobs SET status = 'pending', retries = retries + 1, attempt = 0, failures = 0, setbacks = '{}',"
    " result = NULL, error = NULL, progress = '{}', partial = false, run_token = NULL, cancel_requested_at = NULL,"
    " started_at = NULL, finished_at = NULL, expires_at = NULL, run_at = NULL,"
    " deadline = CASE WHEN deadline > now() THEN deadline END,"
    " queue = again.queue, turn = again.turn, ticket_id = again.ticket_id, event_seq = event_seq + 1"
    " FROM jsonb_to_recordset(:rows) AS again (id uuid, queue text, turn bigint, ticket_id bigint)"
    f" WHERE jobs.id = again.id AND jobs.{FAILED}",
    data="jsonb_build_object('queue', queue, 'retries', retries)",
).bindparams(bindparam("rows", type_=JSONB))


async def lock_root(connection: AsyncConnection, root_id: UUID) -> Job | None:
    """Until the transaction ends nobody else ends, closes or reopens anything in this tree."""
    row = (await connection.execute(ROOT, {"id": root_id})).mappings().first()
    return Job(**row) if row else None


async def hold(connection: AsyncConnection, job: Job) -> Job | None:
    """The run's own row as it is now, which nobody else changes until the transaction ends; None if the run lost it."""
    now = await lock_root(connection, job.id)
    return now if now and now.run_token == job.run_token else None


async def steps(connection: AsyncConnection, root_id: UUID) -> list[Step]:
    """All of them, in the order in which they were made."""
    rows = await connection.execute(STEPS, {"root_id": root_id})
    return [Step(**row) for row in rows.mappings()]


async def is_due(connection: AsyncConnection, root_id: UUID, *, of_critical: UUID | None = None) -> bool:
    """The root waits, and nothing below it is open any more, or this critical step has failed. Locks nothing."""
    return bool((await connection.execute(IS_DUE, {"root_id": root_id, "critical": of_critical})).scalar_one())


async def waits(connection: AsyncConnection, root_id: UUID) -> bool:
    return bool((await connection.execute(WAITS, {"root_id": root_id})).scalar_one())


async def due(connection: AsyncConnection, limit: int) -> list[UUID]:
    """Roots that may have to end, or to close a branch, and whom nobody may be looking after."""
    return list((await connection.execute(DUE, {"limit": limit})).scalars())


async def branch(connection: AsyncConnection, job: Job, *, result: Json, usage: Json, progress: Json) -> Job | None:
    """The root's own run is over, and it waits from now on; None when the run lost it, or it is to be cancelled."""
    values = {"id": job.id, "run_token": job.run_token, "result": result, "usage": usage}
    return await _changed(connection, BRANCH, "job.progress", data=progress, **values)


async def end(
    connection: AsyncConnection,
    root: Job,
    status: str,
    *,
    result: Json | None,
    error: Json | None,
    partial: bool,
    usage: Json,
    progress: Json,
    ttl: int,
) -> Job | None:
    """`result`: in place of that of its own run, if there is one."""
    data = ({"error": error} if error else {}) | ({"partial": True, "missing": progress["missing"]} if partial else {})
    values = {
        "status": status, "result": result, "error": error, "partial": partial, "usage": usage, "progress": progress,
    }  # fmt: skip
    ended = await _changed(connection, END, f"job.{status}", data=data, id=root.id, ttl=float(ttl), **values)
    if ended:
        await connection.execute(KEEP_MEDIA, {"root_id": root.id, "until": ended.expires_at})
    return ended


async def reopen(connection: AsyncConnection, root: Job, usage: Json) -> Job | None:
    """The root waits for its steps again. `usage`: what its own run had cost."""
    data = {"retries": root.retries + 1}
    return await _changed(connection, REOPEN, "job.retried", data=data, id=root.id, usage=usage)


async def used(connection: AsyncConnection, root_id: UUID) -> dict[str, float]:
    """What all steps have cost together."""
    return {row.name: row.amount for row in await connection.execute(USED, {"root_id": root_id})}


async def counts(connection: AsyncConnection, root_id: UUID) -> list[Count]:
    """By stage, in the order in which the stages began."""
    return [Count(**row) for row in (await connection.execute(COUNTS, {"root_id": root_id})).mappings()]


async def turn_to_tell(connection: AsyncConnection, root_id: UUID, pause: float) -> bool:
    """Whether this transaction is the one that tells how far the root is: one in `pause` seconds, and others go on."""
    found = await connection.execute(TURN_TO_TELL, {"root_id": root_id, "pause": pause})
    return found.first() is not None


async def set_progress(connection: AsyncConnection, root_id: UUID, progress: Json) -> Job | None:
    """None when nothing is new."""
    return await _changed(connection, PROGRESS, "job.progress", data=progress, id=root_id, progress=progress)


async def close(
    connection: AsyncConnection, ids: Sequence[UUID], status: str, error: Json | None, ttl: int
) -> list[Job]:
    """End those of them that nobody runs."""
    values = {"ids": list(ids), "status": status, "error": error, "ttl": float(ttl)}
    return await _all(connection, CLOSE, f"job.{status}", data={"error": error} if error else {}, **values)


async def ask(connection: AsyncConnection, ids: Sequence[UUID], error: Json | None) -> list[Job]:
    """Have those of them that run stopped. `error`: what they will say about it."""
    return await _all(connection, ASK, "job.cancelling", data={}, ids=list(ids), error=error)


async def plant(connection: AsyncConnection, rows: Sequence[Json]) -> list[Job]:
    """New steps. A row has the members of MEMBERS."""
    return await _all(connection, PLANT, "job.created", rows=[_plain(row) for row in rows])


async def start_anew(connection: AsyncConnection, rows: Iterable[Json]) -> list[Job]:
    """Steps that ended without a result wait again. A row: id, queue, turn and ticket_id."""
    return await _all(connection, START_ANEW, "job.retried", rows=[_plain(row) for row in rows])


def _plain(row: Json) -> Json:
    return {name: str(each) if isinstance(each, UUID | datetime) else each for name, each in row.items()}


async def _changed(connection: AsyncConnection, statement: TextClause, event: str, **values: Any) -> Job | None:
    row = (await connection.execute(statement, {"event": event, **values})).mappings().first()
    return Job(**row) if row else None


async def _all(connection: AsyncConnection, statement: TextClause, event: str, **values: Any) -> list[Job]:
    rows = await connection.execute(statement, {"event": event, **values})
    return [Job(**{field.name: row[field.name] for field in fields(Job)}) for row in rows.mappings()]
