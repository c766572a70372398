"""The truth about jobs: every change of status is one statement that writes the row and its event together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.people import person_load
from jobs.db.people.person_load import Load
from jobs.db.provider import provider_calls
from jobs.db.provider.provider_calls import ProviderCall
from jobs.db.queue import tickets
from jobs.db.queue.tickets import Ticket
from jobs.owners import CHAT

Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One accepted piece of work for one owner. `usage`: tokens, GPU seconds. `progress`: {done, total, stage}."""

    id: UUID
    kind: str
    owner: str
    status: str
    input: Json
    result: Json | None
    error: Json | None
    queue: str
    priority: int
    workflow: str | None
    model: str | None
    turn: int
    attempt: int
    failures: int
    retries: int
    run_token: UUID | None
    ticket_id: int | None
    parent_id: UUID | None
    root_id: UUID | None
    dialog_id: int | None
    destination: Json
    progress: Json
    partial: bool
    setbacks: Json
    event_seq: int
    usage: Json
    metadata: Json
    cancel_requested_at: datetime | None
    run_at: datetime | None
    deadline: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    stage: str | None
    critical: bool
    # of a root that waits for its steps, and afterwards: when its own run was over
    ran_at: datetime | None

    @property
    def waits_for_steps(self) -> bool:
        return self.ran_at is not None and self.status == "processing"


@dataclass(frozen=True)
class Accepted:
    """`before`: what its person had open before it; None where that was not asked."""

    job: Job
    before: Load | None


# whose jobs are told of in their chat and nowhere else; and a step's end is told of by its root
UNTOLD = f"(owner LIKE '{CHAT}%' OR parent_id IS NOT NULL)"

COLUMNS = ", ".join(f"job.{field.name}" for field in fields(Job))


def changing(change: str, *, before: str = "", beside: str = "", also: str = "") -> TextClause:
    """A statement that changes one job, appends its event in the same breath, and returns the job as it is now.

    `before`, `beside`: what else it does, as parts of WITH that the change reads, or that read "job". `also`: a column
    more.
    """
    event = (
        "event AS (INSERT INTO job_events (job_id, owner, seq, type, data)"
        " SELECT id, owner, event_seq, :event, :data FROM job)"
    )
    parts = [before, f"job AS ({change} RETURNING *)", beside, event]
    columns = f"{COLUMNS}, {also}" if also else COLUMNS
    together = f"WITH {', '.join(filter(None, parts))} SELECT {columns} FROM job"
    return text(together).bindparams(bindparam("data", type_=JSONB))


INSERTING = (
    "INSERT INTO jobs (id, kind, owner, input, queue, priority, workflow, model, turn, ticket_id, parent_id, root_id,"
    " dialog_id, destination,"
    " metadata, run_at, deadline, stage, critical, event_seq) "
    "VALUES (:id, :kind, :owner, :input, :queue, :priority, :workflow, :model, :turn, {ticket_id}, :parent_id,"
    " :root_id, :dialog_id, :destination,"
    " :metadata, :run_at, :deadline, :stage, :critical, 1)"
)
GIVEN = (bindparam("input", type_=JSONB), bindparam("destination", type_=JSONB), bindparam("metadata", type_=JSONB))
INSERT = changing(INSERTING.format(ticket_id=":ticket_id")).bindparams(*GIVEN)
# with its ticket; and for a person, what they had open before, without a further look
ACCEPT = changing(
    INSERTING.format(ticket_id="(SELECT id FROM ticket)"),
    before=f"ticket AS (SELECT {tickets.making_ticket(':ticket_arguments')} AS id)",
    also=f"CASE WHEN :of_person THEN ({person_load.OPEN}) END AS open_before",
).bindparams(
    *GIVEN,
    *tickets.PARAMETERS,
    *person_load.PARAMETERS,
    bindparam("ticket_arguments", type_=JSONB),
    bindparam("of_person", type_=Boolean),
)

CLAIM = changing(
    "UPDATE jobs SET status = 'processing', started_at = coalesce(started_at, now()), run_token = :run_token,"
    " attempt = attempt + 1, event_seq = event_seq + 1 WHERE id = :id AND status IN ('pending', 'processing')"
    # a root whose own run is over is not run again
    f" AND ran_at IS NULL AND {UNTOLD} IS NOT DISTINCT FROM coalesce(:untold, {UNTOLD})"
).bindparams(bindparam("untold", type_=Boolean))

# only the run that holds the job may end it; a run that was given up for dead finds its token gone
FINISHING = (
    "UPDATE jobs SET status = :status, result = :result, error = :error, usage = :usage, run_token = NULL,"
    " finished_at = now(), expires_at = now() + make_interval(secs => :ttl), event_seq = event_seq + 1"
    " WHERE id = :id AND run_token = :run_token AND status = 'processing'"
)
OUTCOME = (
    bindparam("result", type_=JSONB(none_as_null=True)),
    bindparam("error", type_=JSONB(none_as_null=True)),
    bindparam("usage", type_=JSONB),
)
FINISH = changing(FINISHING).bindparams(*OUTCOME)
FINISH_AND_LOG = changing(FINISHING, beside=provider_calls.BESIDE_JOB).bindparams(*OUTCOME, provider_calls.CALLS)

RETRY_LATER = changing(
    # a try that was forgiven was none
    "UPDATE jobs SET run_token = NULL, attempt = attempt - CASE WHEN failures = :failures THEN 1 ELSE 0 END,"
    " failures = :failures, setbacks = :setbacks, usage = :usage, event_seq = event_seq + 1"
    " WHERE id = :id AND run_token = :run_token AND status = 'processing' AND cancel_requested_at IS NULL"
).bindparams(bindparam("setbacks", type_=JSONB), bindparam("usage", type_=JSONB))

PROGRESS = changing(
    "UPDATE jobs SET progress = :progress, event_seq = event_seq + 1"
    " WHERE id = :id AND run_token = :run_token AND status = 'processing'"
).bindparams(bindparam("progress", type_=JSONB))

GIVE_BACK = changing(
    "UPDATE jobs SET attempt = attempt - 1, run_token = NULL, event_seq = event_seq + 1"
    " WHERE id = :id AND run_token = :run_token AND status = 'processing'"
)

CANCEL_WAITING = changing(
    "UPDATE jobs SET status = 'cancelled', finished_at = now(), expires_at = now() + make_interval(secs => :ttl),"
    " cancel_requested_at = now(), event_seq = event_seq + 1"
    # between two tries nobody runs it either, and nobody would end it later
    " WHERE id = :id AND (status = 'pending' OR (status = 'processing' AND run_token IS NULL AND ran_at IS NULL))"
)

OVERDUE = text(
    "SELECT id FROM jobs WHERE status = 'pending' AND deadline < now() ORDER BY deadline LIMIT :limit"
    " FOR UPDATE SKIP LOCKED"
)

EXPIRE = changing(
    "UPDATE jobs SET status = 'expired', error = :error, finished_at = now(),"
    " expires_at = now() + make_interval(secs => :ttl), event_seq = event_seq + 1"
    " WHERE id = :id AND status = 'pending'"
).bindparams(bindparam("error", type_=JSONB))

REQUEST_CANCEL = changing(
    "UPDATE jobs SET cancel_requested_at = now(), event_seq = event_seq + 1"
    " WHERE id = :id AND status = 'processing' AND cancel_requested_at IS NULL"
)

GET = text(f"SELECT {COLUMNS} FROM jobs job WHERE id = :id")


async def insert(connection: AsyncConnection, *, lane: str | None = None, **values: Any) -> Job:
    """`values`: the columns named in INSERT. `lane`: why this lane, in words, for the job's first event."""
    no_step = {"stage": None, "critical": False}
    return _required(await _change(connection, INSERT, "job.created", _told(values, lane), **no_step | values))


async def accept(
    connection: AsyncConnection,
    ticket: Ticket,
    *,
    lane: str | None = None,
    apart: Sequence[str] | None = None,
    **values: Any,
) -> Accepted:
    """As `insert`, with its ticket. `apart`: of a person's open jobs those of these kinds; None: do not count."""
    making = {**tickets.values(ticket), "ticket_arguments": ticket.arguments}
    counting = {"of_person": apart is not None, "apart": list(apart or ())}
    told = {"event": "job.created", "data": _told(values, lane)}
    row = dict((await connection.execute(ACCEPT, {**told, **making, **counting, **values})).mappings().one())
    load = row.pop("open_before")
    return Accepted(Job(**row), Load(**load) if load else None)


def _told(values: Json, lane: str | None) -> Json:
    return {"queue": values["queue"]} | ({"lane": lane} if lane else {})


async def claim(
    connection: AsyncConnection, job_id: UUID, run_token: UUID, *, untold: bool | None = None
) -> Job | None:
    """Take the job for one run; None when it has ended already. A later claim takes it away from an earlier one.

    `untold`: only if it came from a chat or is a step, of which nobody else is told; or only if not.
    """
    return await _change(connection, CLAIM, "job.started", {}, id=job_id, run_token=run_token, untold=untold)


async def finish(
    connection: AsyncConnection,
    job: Job,
    status: str,
    *,
    result: Json | None = None,
    error: Json | None = None,
    usage: Json | None = None,
    calls: Sequence[ProviderCall] = (),
    ttl: int,
) -> Job | None:
    """End the job; None when this run no longer holds it. `ttl`: seconds for which it stays readable.

    `usage` is that of all its runs together; `calls`: what this run asked of providers, for the log of calls.
    """
    data = {"error": error} if error else {}
    outcome = {"status": status, "result": result, "error": error, "usage": usage or {}, "ttl": float(ttl)}
    statement, logged = (FINISH_AND_LOG, {"calls": provider_calls.as_json(calls)}) if calls else (FINISH, {})
    values = {"id": job.id, "run_token": job.run_token, **outcome, **logged}
    return await _change(connection, statement, f"job.{status}", data, **values)


async def retry_later(
    connection: AsyncConnection, job: Job, data: Json, *, failures: int, setbacks: Json, usage: Json
) -> Job | None:
    """The run failed in a way that may pass; None when this run no longer holds the job, or its owner gave it up."""
    state = {"failures": failures, "setbacks": setbacks, "usage": usage}
    return await _change(connection, RETRY_LATER, "job.retrying", data, id=job.id, run_token=job.run_token, **state)


async def set_progress(connection: AsyncConnection, job: Job, progress: Json, data: Json) -> Job | None:
    """`progress`: {done, total, stage}; `data`: what else the event tells. None when this run lost the job."""
    told = {**progress, **data}
    return await _change(
        connection, PROGRESS, "job.progress", told, id=job.id, run_token=job.run_token, progress=progress
    )


async def set_ticket(connection: AsyncConnection, job_id: UUID, ticket_id: int, queue: str, turn: int) -> None:
    update = text("UPDATE jobs SET ticket_id = :ticket_id, queue = :queue, turn = :turn WHERE id = :id")
    await connection.execute(update, {"id": job_id, "ticket_id": ticket_id, "queue": queue, "turn": turn})


async def give_back(connection: AsyncConnection, job: Job) -> Job | None:
    """The worker stops before the job is done: the next one starts it anew, and nobody counts an attempt."""
    return await _change(connection, GIVE_BACK, "job.requeued", {}, id=job.id, run_token=job.run_token)


async def cancel_waiting(connection: AsyncConnection, job_id: UUID, ttl: int) -> Job | None:
    return await _change(connection, CANCEL_WAITING, "job.cancelled", {}, id=job_id, ttl=float(ttl))


async def overdue(connection: AsyncConnection, limit: int) -> list[UUID]:
    """Jobs that nobody started before their deadline, locked for this transaction."""
    return list((await connection.execute(OVERDUE, {"limit": limit})).scalars())


async def expire(connection: AsyncConnection, job_id: UUID, error: Json, ttl: int) -> Job | None:
    data = {"error": error}
    return await _change(connection, EXPIRE, "job.expired", data, id=job_id, error=error, ttl=float(ttl))


async def request_cancel(connection: AsyncConnection, job_id: UUID) -> Job | None:
    return await _change(connection, REQUEST_CANCEL, "job.cancelling", {}, id=job_id)


async def is_cancel_requested(connection: AsyncConnection, job_id: UUID) -> bool:
    query = text("SELECT cancel_requested_at IS NOT NULL FROM jobs WHERE id = :id")
    return bool((await connection.execute(query, {"id": job_id})).scalar())


async def get(connection: AsyncConnection, job_id: UUID) -> Job | None:
    row = (await connection.execute(GET, {"id": job_id})).mappings().first()
    return Job(**row) if row else None


async def _change(
    connection: AsyncConnection, statement: TextClause, event: str, data: Json, **values: Any
) -> Job | None:
    row = (await connection.execute(statement, {"event": event, "data": data, **values})).mappings().first()
    return Job(**row) if row else None


def _required(job: Job | None) -> Job:
    assert job is not None, "an INSERT returns its row"
    return job
