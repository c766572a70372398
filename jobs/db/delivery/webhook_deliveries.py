"""Webhooks on their way. Those of one job to one endpoint are a chain, and leave in order.

At most one of a chain is active: it has a ticket, or it is being sent, or it is parked (`next_attempt_at` is set) and
gets its ticket when it is due. The others just wait for it to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.delivery.deliveries import LEASE_SECONDS, SLOW_SECONDS

Json = dict[str, Any]

# what has come to its end, and so may be sent anew
ENDED = ("sent", "unknown", "failed")


@dataclass(frozen=True)
class Choice:
    """What a replay sends anew. `events`: types, no patterns. `replay_job`: what it did already is not chosen again."""

    owner: str
    endpoint_id: UUID
    since: datetime
    until: datetime
    events: list[str]
    statuses: list[str]
    replay_job: str


@dataclass(frozen=True)
class Ended:
    """What is known of an attempt. `retry_at` parks the delivery until then."""

    status: str
    outcome: str
    error: Json | None = None
    status_code: int | None = None
    answer: str | None = None
    latency_ms: int | None = None
    retry_at: datetime | None = None


PLAN = text(
    "INSERT INTO deliveries (key, job_id, owner, channel, destination, status, endpoint_id, webhook_id, event_type,"
    " event_seq, body) VALUES (:key, :job_id, :owner, 'webhook', :url, :status, :endpoint_id, :webhook_id, :event_type,"
    " :event_seq, :body) ON CONFLICT (key) DO NOTHING RETURNING id"
)

# The lock makes this wait for an active one that is just ending. Whoever ends it looks for the next one afterwards:
# either it is seen there, or its end is seen here.
OPEN_CHAINS = text(
    "SELECT endpoint_id FROM deliveries WHERE job_id = :job_id AND endpoint_id = ANY(:endpoint_ids)"
    " AND status IN ('pending', 'sending', 'held') ORDER BY id FOR UPDATE"
)

# an attempt that somebody else was given meanwhile is no longer ours to end
END = text(
    "WITH delivery AS (UPDATE deliveries SET status = :status, error = :error, next_attempt_at = :retry_at,"
    " finished_at = CASE WHEN :status IN ('sent', 'failed') THEN now() END"
    " WHERE id = :id AND status = 'sending' AND attempt = :attempt RETURNING id, attempt, sending_at) "
    "INSERT INTO delivery_attempts (delivery_id, number, outcome, error, status_code, answer, latency_ms, started_at)"
    " SELECT id, attempt, :outcome, :error, :status_code, :answer, :latency_ms, sending_at FROM delivery"
    " ON CONFLICT DO NOTHING RETURNING delivery_id"
).bindparams(bindparam("error", type_=JSONB(none_as_null=True)))

# nothing was tried: the attempt does not count
PUT_BACK = text(
    "UPDATE deliveries SET status = :status, attempt = attempt - 1,"
    " next_attempt_at = CASE WHEN :status = 'pending' THEN now() END"
    " WHERE id = :id AND status = 'sending' AND attempt = :attempt"
)

# The next one of the chain, and the endpoint's parked one that waits longest for its turn.
# Not now(): what was parked since this transaction began counts, too.
NEXT = text(
    "WITH first AS (SELECT id, status, next_attempt_at FROM deliveries WHERE endpoint_id = :endpoint_id"
    "  AND job_id = :job_id AND status IN ('pending', 'sending', 'held') AND :ended ORDER BY id LIMIT 1),"
    " following AS (SELECT id FROM first WHERE status = 'pending' AND next_attempt_at IS NULL),"
    " due AS (SELECT id FROM deliveries WHERE endpoint_id = :endpoint_id AND status = 'pending'"
    "  AND next_attempt_at <= statement_timestamp() ORDER BY next_attempt_at, id LIMIT :most"
    "  FOR UPDATE SKIP LOCKED),"
    " freed AS (UPDATE deliveries SET next_attempt_at = NULL WHERE id IN (SELECT id FROM due) RETURNING id) "
    "SELECT id FROM following UNION SELECT id FROM freed ORDER BY id"
)

# an endpoint that lets a sender wait at this moment gets no more until that has ended, which brings on the next one
DUE = text(
    "WITH slow AS (SELECT DISTINCT endpoint_id FROM deliveries WHERE status = 'sending' AND endpoint_id IS NOT NULL"
    f"  AND sending_at > now() - interval '{LEASE_SECONDS} seconds'"
    f"  AND sending_at < now() - interval '{SLOW_SECONDS} seconds'),"
    " due AS (SELECT id, row_number() OVER (PARTITION BY endpoint_id ORDER BY next_attempt_at, id) AS place"
    "  FROM deliveries AS waiting WHERE next_attempt_at <= now() AND status = 'pending'"
    "  AND NOT EXISTS (SELECT FROM slow WHERE slow.endpoint_id = waiting.endpoint_id)) "
    "UPDATE deliveries d SET next_attempt_at = NULL FROM due WHERE d.id = due.id AND due.place <= :each"
    " AND d.status = 'pending' AND d.next_attempt_at IS NOT NULL RETURNING d.id"
)

HOLD = text(
    "UPDATE deliveries SET status = 'held', next_attempt_at = NULL WHERE endpoint_id = :endpoint_id"
    " AND status = 'pending'"
)

# the first of each chain is due at once; the others follow it
HEAD = (
    "(d.job_id IS NULL OR NOT EXISTS (SELECT FROM deliveries earlier WHERE earlier.endpoint_id = d.endpoint_id"
    " AND earlier.job_id = d.job_id AND earlier.id < d.id AND earlier.status IN ('pending', 'sending', 'held')))"
)
RELEASE = text(
    f"UPDATE deliveries d SET status = 'pending', next_attempt_at = CASE WHEN {HEAD} THEN now() END"
    " WHERE d.endpoint_id = :endpoint_id AND d.status = 'held'"
)

# What is sent anew goes the same way again. In a chain the first of them is due, unless another one is active there;
# `idle`: chains in which the active one was parked, and now waits as well
AGAIN = text(
    "UPDATE deliveries d SET status = 'pending', finished_at = NULL, error = NULL,"
    " payload = d.payload || jsonb_build_object('replay', true, 'tries_before', d.attempt, 'was', d.status,"
    "  'replay_job', CAST(:replay_job AS text)),"
    " next_attempt_at = CASE WHEN d.job_id IS NULL OR (NOT EXISTS (SELECT FROM deliveries earlier"
    "   WHERE earlier.id = ANY(:ids) AND earlier.id < d.id AND earlier.job_id = d.job_id)"
    "  AND (d.job_id = ANY(:idle) OR NOT EXISTS (SELECT FROM deliveries other WHERE"
    "   other.endpoint_id = d.endpoint_id AND other.job_id = d.job_id"
    "   AND other.status IN ('pending', 'sending', 'held')))) THEN now() END"
    f" WHERE d.id = ANY(:ids) AND d.status = ANY('{{{', '.join(ENDED)}}}') RETURNING d.id"
)
UNPARK = text(
    "UPDATE deliveries SET next_attempt_at = NULL WHERE endpoint_id = :endpoint_id AND status = 'pending'"
    " AND next_attempt_at IS NOT NULL AND job_id IN (SELECT job_id FROM deliveries WHERE id = ANY(:ids)"
    f"  AND status = ANY('{{{', '.join(ENDED)}}}')) RETURNING job_id"
)
TAKE = text(
    "UPDATE deliveries SET next_attempt_at = NULL WHERE id = :id AND status = 'pending'"
    " AND next_attempt_at IS NOT NULL RETURNING id"
)

# with the order of their ids: what a replay does again is in the order in which it happened
CHOSEN = (
    " FROM deliveries WHERE channel = 'webhook' AND owner = :owner AND endpoint_id = :endpoint_id AND id > :after"
    " AND created_at >= :since AND created_at < :until AND status = ANY(:statuses) AND event_type = ANY(:events)"
    " AND payload->>'replay_job' IS DISTINCT FROM :replay_job"
)
COUNT_CHOSEN = text(f"SELECT count(*){CHOSEN}")
TAKE_CHOSEN = text(f"SELECT id{CHOSEN} ORDER BY id LIMIT :chunk FOR UPDATE")

# those that were not tried since are again what they were; in each of their chains the first that is left is due
WITHDRAW = text(
    "UPDATE deliveries SET status = payload->>'was', next_attempt_at = NULL, finished_at = now(),"
    " payload = payload - 'replay' - 'replay_job' - 'was'"
    " WHERE endpoint_id = :endpoint_id AND status IN ('pending', 'held') AND payload->>'replay_job' = :replay_job"
    " AND attempt = (payload->>'tries_before')::int RETURNING job_id"
)
WAKE = text(
    f"UPDATE deliveries d SET next_attempt_at = now() WHERE d.endpoint_id = :endpoint_id AND d.job_id = ANY(:job_ids)"
    f" AND d.status = 'pending' AND d.next_attempt_at IS NULL AND {HEAD}"
)

ABANDON = text(
    "UPDATE deliveries SET status = 'failed', error = :error, next_attempt_at = NULL, finished_at = now()"
    " WHERE endpoint_id = :endpoint_id AND status IN ('pending', 'held')"
).bindparams(bindparam("error", type_=JSONB))

HELD = text(
    "SELECT endpoint_id, count(*) AS count, min(created_at) AS oldest FROM deliveries"
    " WHERE endpoint_id = ANY(:endpoint_ids) AND status = 'held' GROUP BY endpoint_id"
)


@dataclass(frozen=True)
class Held:
    count: int
    oldest: datetime | None


async def plan(connection: AsyncConnection, **values: Any) -> int | None:
    """`values`: the parameters of PLAN. The id of the new delivery; None when `key` was planned before."""
    return (await connection.execute(PLAN, values)).scalar()


async def open_chains(connection: AsyncConnection, job_id: UUID, endpoint_ids: Sequence[UUID]) -> set[UUID]:
    """The endpoints to which something of this job is on its way. What ends there meanwhile waits for us."""
    values = {"job_id": job_id, "endpoint_ids": list(endpoint_ids)}
    return set((await connection.execute(OPEN_CHAINS, values)).scalars())


async def end(connection: AsyncConnection, delivery_id: int, attempt: int, ended: Ended) -> bool:
    """Whether it was still ours to end."""
    values = {"id": delivery_id, "attempt": attempt, **vars(ended)}
    return (await connection.execute(END, values)).first() is not None


async def put_back(connection: AsyncConnection, delivery_id: int, attempt: int, status: str) -> None:
    """Taken and not tried after all: `held`, or `pending` and due as soon as there is room."""
    await connection.execute(PUT_BACK, {"id": delivery_id, "attempt": attempt, "status": status})


async def next_ones(
    connection: AsyncConnection, endpoint_id: UUID, job_id: UUID | None, *, ended: bool, most: int = 1
) -> list[int]:
    """Which deliveries are to get a ticket now. `ended`: the active one of this job's chain has come to its end."""
    values = {"endpoint_id": endpoint_id, "job_id": job_id, "ended": ended, "most": most}
    return list((await connection.execute(NEXT, values)).scalars())


async def take_due(connection: AsyncConnection, each: int) -> list[int]:
    """Parked ones whose time has come, at most `each` to an endpoint; they are to get a ticket now."""
    return sorted((await connection.execute(DUE, {"each": each})).scalars())


async def hold(connection: AsyncConnection, endpoint_id: UUID) -> None:
    await connection.execute(HOLD, {"endpoint_id": endpoint_id})


async def release(connection: AsyncConnection, endpoint_id: UUID) -> int:
    """How many were held. The first of each chain is parked as due."""
    return (await connection.execute(RELEASE, {"endpoint_id": endpoint_id})).rowcount


async def abandon(connection: AsyncConnection, endpoint_id: UUID, error: Json) -> None:
    await connection.execute(ABANDON, {"endpoint_id": endpoint_id, "error": error})


async def held(connection: AsyncConnection, endpoint_ids: Sequence[UUID]) -> dict[UUID, Held]:
    """What waits for an endpoint to be enabled again; nothing of those that hold nothing."""
    rows = await connection.execute(HELD, {"endpoint_ids": list(endpoint_ids)})
    return {row["endpoint_id"]: Held(row["count"], row["oldest"]) for row in rows.mappings()}


async def again(
    connection: AsyncConnection, endpoint_id: UUID, ids: Sequence[int], *, replay_job: UUID | None = None
) -> int:
    """Have these sent anew, with the same id and body; how many. The first of each chain is parked as due."""
    idle = (await connection.execute(UNPARK, {"endpoint_id": endpoint_id, "ids": list(ids)})).scalars()
    values = {"ids": list(ids), "idle": list(set(idle)), "replay_job": str(replay_job) if replay_job else None}
    return len((await connection.execute(AGAIN, values)).all())


async def take(connection: AsyncConnection, delivery_id: int) -> bool:
    """Whether it was parked: it is to get its ticket now, before its time."""
    return (await connection.execute(TAKE, {"id": delivery_id})).first() is not None


async def count_chosen(connection: AsyncConnection, choice: Choice) -> int:
    return int((await connection.execute(COUNT_CHOSEN, {**vars(choice), "after": 0})).scalar_one())


async def take_chosen(connection: AsyncConnection, choice: Choice, *, after: int, chunk: int) -> list[int]:
    """One chunk in order, behind number `after`, locked until the end of the transaction."""
    values = {**vars(choice), "after": after, "chunk": chunk}
    return list((await connection.execute(TAKE_CHOSEN, values)).scalars())


async def withdraw(connection: AsyncConnection, endpoint_id: UUID, replay_job: UUID) -> int:
    """Take back what a replay has put on its way and was not tried yet; how many."""
    values = {"endpoint_id": endpoint_id, "replay_job": str(replay_job)}
    chains = list((await connection.execute(WITHDRAW, values)).scalars())
    job_ids = list({each for each in chains if each is not None})
    await connection.execute(WAKE, {"endpoint_id": endpoint_id, "job_ids": job_ids})
    return len(chains)
