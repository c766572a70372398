"""Orders at providers of pictures: written down before they go out, and found again by whoever goes on with the job."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from jobs.db.work.jobs import Job

KEPT_DAYS = 3
LONGEST_NAME = 200


@dataclass(frozen=True)
class Prediction:
    """One order. `prediction_id` is the provider's name for it, None while nobody knows whether it was taken.

    `age`: seconds since it was written down. `called_at`: when the provider called back.
    """

    id: UUID
    job_id: UUID
    provider: str
    model: str
    request: dict[str, Any]
    prediction_id: str | None
    state: str
    called_at: datetime | None
    ordered_at: datetime
    age: float


# an order by its provider's name
Silent = dict[str, UUID]

COLUMNS = ", ".join(field.name for field in fields(Prediction) if field.name != "age")
SELECT = f"SELECT {COLUMNS}, extract(epoch FROM now() - ordered_at)::float8 AS age FROM predictions"

# only the run that holds the job places orders for it
BEGIN = text(
    "INSERT INTO predictions (id, job_id, provider, model, request)"
    " SELECT :id, id, :provider, :model, :request FROM jobs"
    " WHERE id = :job_id AND run_token = :run_token AND status = 'processing' AND cancel_requested_at IS NULL"
    " RETURNING id"
).bindparams(bindparam("request", type_=JSONB), bindparam("provider", type_=Text), bindparam("model", type_=Text))
# a call back may have told it before
PLACED = text(
    "UPDATE predictions SET prediction_id = coalesce(prediction_id, :prediction_id),"
    " state = CASE WHEN state = 'placing' THEN 'placed' ELSE state END WHERE id = :id AND state <> 'over'"
)
OVER = text("UPDATE predictions SET state = 'over', outcome = :outcome, ended_at = now() WHERE id = :id")
AWAITED = text(f"{SELECT} WHERE job_id = :job_id AND state IN ('placing', 'placed')")
UNWANTED = text(f"{SELECT} WHERE id = :id AND state = 'unwanted'")
LET_GO = text(
    "UPDATE predictions SET state = 'unwanted' WHERE job_id = :job_id AND state IN ('placing', 'placed') RETURNING id"
)
KNOWN = text(
    "SELECT prediction_id FROM predictions WHERE provider = :provider AND id <> :id AND prediction_id IS NOT NULL"
    " AND ordered_at > CAST(:since AS timestamptz) - interval '1 hour'"
)
SILENT = text(
    "SELECT provider, id FROM predictions WHERE job_id = :job_id AND outcome = 'unknown'"
    " AND ordered_at >= coalesce(CAST(:since AS timestamptz), ordered_at)"
)

HEARD = text(
    "INSERT INTO provider_callbacks (provider, webhook_id, order_id, prediction_id, status)"
    " VALUES (:provider, :webhook_id, :order_id, :prediction_id, :status) ON CONFLICT DO NOTHING RETURNING webhook_id"
).bindparams(bindparam("prediction_id", type_=Text), bindparam("status", type_=Text))
JOB_OF = text(
    "SELECT id, job_id FROM predictions WHERE provider = :provider AND (id = :order_id"
    " OR prediction_id = CAST(:prediction_id AS text)) ORDER BY id = :order_id DESC LIMIT 1"
)
# jobs before their orders, as everybody locks them
HOLD_JOB = text("SELECT ticket_id FROM jobs WHERE id = :job_id AND status = 'processing' FOR UPDATE")
CALLED = text(
    "UPDATE predictions SET called_at = now(), prediction_id = coalesce(prediction_id, :prediction_id),"
    " state = 'placed' WHERE id = :id AND state IN ('placing', 'placed')"
    " AND coalesce(prediction_id, :prediction_id) = :prediction_id RETURNING id"
).bindparams(bindparam("prediction_id", type_=Text))
# a ticket that runs already is looking by itself
BRING_FORWARD = text(
    "WITH ticket AS (UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE id = :ticket_id AND status = 'todo'"
    "  RETURNING id, queue_name) "
    "SELECT pg_notify('procrastinate_queue_v1#' || queue_name,"
    " json_build_object('type', 'job_inserted', 'job_id', id)::text) FROM ticket"
)

# for jobs/db/retention.py
FORGET_CALLBACKS = (
    "DELETE FROM provider_callbacks WHERE (provider, webhook_id) IN (SELECT provider, webhook_id FROM"
    f" provider_callbacks WHERE received_at < now() - interval '{KEPT_DAYS} days' LIMIT :chunk)"
)


async def begin(
    connection: AsyncConnection, job: Job, order_id: UUID, provider: str, model: str, request: dict[str, Any]
) -> bool:
    """False: this run no longer holds the job, or its owner gave it up."""
    values = {
        "id": order_id, "job_id": job.id, "run_token": job.run_token, "provider": provider, "model": model,
        "request": request,
    }  # fmt: skip
    return (await connection.execute(BEGIN, values)).first() is not None


async def placed(connection: AsyncConnection, order_id: UUID, prediction_id: str) -> None:
    await connection.execute(PLACED, {"id": order_id, "prediction_id": prediction_id})


async def over(connection: AsyncConnection, order_id: UUID, outcome: str) -> None:
    """`outcome`: completed, cancelled, not_taken, unknown, or the code of a failure."""
    await connection.execute(OVER, {"id": order_id, "outcome": outcome})


async def awaited(connection: AsyncConnection, job_id: UUID) -> Prediction | None:
    """What the job's next run goes on with."""
    row = (await connection.execute(AWAITED, {"job_id": job_id})).mappings().first()
    return Prediction(**row) if row else None


async def let_go(connection: AsyncConnection, job_id: UUID) -> list[UUID]:
    """The job needs no picture any more: the orders that somebody must cancel now."""
    return list((await connection.execute(LET_GO, {"job_id": job_id})).scalars())


async def unwanted(connection: AsyncConnection, order_id: UUID) -> Prediction | None:
    row = (await connection.execute(UNWANTED, {"id": order_id})).mappings().first()
    return Prediction(**row) if row else None


async def known(connection: AsyncConnection, order: Prediction) -> list[str]:
    """The provider's names of other orders of about that time."""
    values = {"provider": order.provider, "id": order.id, "since": order.ordered_at}
    return list((await connection.execute(KNOWN, values)).scalars())


async def silent(connection: AsyncConnection, job: Job) -> Silent:
    """Providers that may have taken an order of this job, since it was begun, and never said so."""
    values = {"job_id": job.id, "since": job.started_at}
    return {row.provider: row.id for row in await connection.execute(SILENT, values)}


async def hear(
    connection: AsyncConnection,
    provider: str,
    webhook_id: str,
    *,
    order_id: UUID | None,
    prediction_id: str,
    status: str | None,
) -> bool:
    """A provider's call back: the job's ticket is due now. Whether it was new, and about an order that is awaited.

    The order's own row is there before the order goes out, so no call comes too early for it.
    """
    named = {"provider": provider, "order_id": order_id, "prediction_id": prediction_id[:LONGEST_NAME]}
    call = {**named, "webhook_id": webhook_id[:LONGEST_NAME], "status": status}
    if (await connection.execute(HEARD, call)).first() is None:
        return False
    order = (await connection.execute(JOB_OF, named)).first()
    if order is None:
        return False
    held = (await connection.execute(HOLD_JOB, {"job_id": order.job_id})).first()
    called = await connection.execute(CALLED, {"id": order.id, "prediction_id": named["prediction_id"]})
    if held is None or called.first() is None:
        return False
    await connection.execute(BRING_FORWARD, {"ticket_id": held.ticket_id})
    return True
