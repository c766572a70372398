"""One row for each message that goes out, and one for each try that did not simply succeed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

Json = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """`status` as it was found: a delivery found `sending` was cut off by a crash, and nobody knows what arrived."""

    id: int
    job_id: UUID | None
    channel: str
    destination: str
    payload: Json
    status: str
    attempt: int
    recipient_blocked: bool


PLAN = text(
    "INSERT INTO deliveries (key, job_id, channel, destination, payload)"
    " VALUES (:key, :job_id, :channel, :destination, :payload) ON CONFLICT (key) DO NOTHING RETURNING id"
).bindparams(bindparam("payload", type_=JSONB))

BEGIN = text(
    "WITH found AS (SELECT id, status FROM deliveries WHERE id = :id FOR UPDATE),"
    " blocked AS (SELECT 1 FROM telegram_users u, deliveries d WHERE d.id = :id AND d.channel = 'telegram'"
    "  AND u.user_id::text = d.destination AND u.blocked_at IS NOT NULL) "
    "UPDATE deliveries d SET"
    " status = CASE WHEN found.status <> 'pending' THEN d.status WHEN EXISTS (SELECT 1 FROM blocked) THEN 'failed'"
    "  ELSE 'sending' END,"
    " attempt = d.attempt + CASE WHEN found.status = 'pending' THEN 1 ELSE 0 END,"
    " sending_at = CASE WHEN found.status = 'pending' THEN now() ELSE d.sending_at END "
    "FROM found WHERE d.id = found.id "
    "RETURNING d.id, d.job_id, d.channel, d.destination, d.payload, found.status, d.attempt,"
    " EXISTS (SELECT 1 FROM blocked) AS recipient_blocked"
)

END = text(
    "WITH delivery AS (UPDATE deliveries SET status = :status, message_id = :message_id, error = :error,"
    " finished_at = CASE WHEN :status = 'pending' THEN NULL ELSE now() END WHERE id = :id"
    " RETURNING id, attempt, sending_at) "
    "INSERT INTO delivery_attempts (delivery_id, number, outcome, error, started_at)"
    " SELECT id, attempt, :outcome, :error, sending_at FROM delivery ON CONFLICT DO NOTHING"
).bindparams(bindparam("error", type_=JSONB(none_as_null=True)))


async def plan(
    connection: AsyncConnection, *, key: str, job_id: UUID | None, channel: str, destination: str, payload: Json
) -> int | None:
    """The id of the new delivery; None when `key` was planned before."""
    values = {"key": key, "job_id": job_id, "channel": channel, "destination": destination, "payload": payload}
    return (await connection.execute(PLAN, values)).scalar()


async def begin(connection: AsyncConnection, delivery_id: int) -> Delivery | None:
    """Mark a pending delivery as being sent. Must be committed before the send."""
    row = (await connection.execute(BEGIN, {"id": delivery_id})).mappings().first()
    return Delivery(**row) if row else None


async def end(
    connection: AsyncConnection,
    delivery_id: int,
    status: str,
    *,
    outcome: str,
    message_id: int | None = None,
    error: Json | None = None,
) -> None:
    values = {"id": delivery_id, "status": status, "outcome": outcome, "message_id": message_id, "error": error}
    await connection.execute(END, values)
