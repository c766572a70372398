"""One row for each message that goes out, and one for each try that did not simply succeed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

Json = dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """`status` as it was found: a delivery found `sending` was cut off by a crash, and nobody knows what arrived.

    `taken`: it is ours to send now, as attempt number `attempt`; `sending_at` is the moment of the attempt before.
    What is for somebody who has blocked the bot is not taken.
    """

    id: int
    key: str
    job_id: UUID | None
    channel: str
    destination: str
    payload: Json
    status: str
    attempt: int
    recipient_blocked: bool
    taken: bool
    endpoint_id: UUID | None
    webhook_id: str | None
    body: bytes | None
    sending_at: datetime | None
    created_at: datetime


PLAN = text(
    "INSERT INTO deliveries (key, job_id, channel, destination, payload)"
    " VALUES (:key, :job_id, :channel, :destination, :payload) ON CONFLICT (key) DO NOTHING RETURNING id"
).bindparams(bindparam("payload", type_=JSONB))

# no attempt at a webhook takes longer than this: one that is found `sending` for as long was cut off by a crash
LEASE_SECONDS = 20.0
# a receiver that has not answered for so long may be hanging, and gets nothing more until it answers
SLOW_SECONDS = 1.0
# one that is parked until a later time has no ticket: this one is of before. What may have arrived in a chat is not
# sent again; a webhook is, under the same id, by which its receiver knows it
FREE = (
    "(status = 'pending' AND next_attempt_at IS NULL) OR (status = 'sending' AND channel = 'webhook'"
    f" AND sending_at < now() - interval '{LEASE_SECONDS} seconds')"
)
CUT_OFF = """{"code": "cut_off", "detail": "The worker was stopped before it heard the answer."}"""

BEGIN = text(
    "WITH blocked AS (SELECT 1 FROM telegram_users u, deliveries d WHERE d.id = :id AND d.channel = 'telegram'"
    "  AND u.user_id = CAST(CASE WHEN d.channel = 'telegram' THEN d.destination END AS bigint)"
    "  AND u.blocked_at IS NOT NULL),"
    f" found AS (SELECT id, status, attempt, sending_at, ({FREE}) AND NOT EXISTS (SELECT FROM blocked) AS taken"
    "  FROM deliveries WHERE id = :id FOR UPDATE),"
    " cut_off AS (INSERT INTO delivery_attempts (delivery_id, number, outcome, error, started_at)"
    f"  SELECT id, attempt, 'unknown', CAST(:cut_off AS jsonb), sending_at FROM found"
    "   WHERE taken AND status = 'sending' ON CONFLICT DO NOTHING) "
    "UPDATE deliveries d SET status = CASE WHEN found.taken THEN 'sending' ELSE d.status END,"
    " attempt = d.attempt + CASE WHEN found.taken THEN 1 ELSE 0 END,"
    " sending_at = CASE WHEN found.taken THEN now() ELSE d.sending_at END "
    "FROM found WHERE d.id = found.id "
    "RETURNING d.id, d.key, d.job_id, d.channel, d.destination, d.payload, found.status, d.attempt,"
    " EXISTS (SELECT 1 FROM blocked) AS recipient_blocked, found.taken, d.endpoint_id, d.webhook_id, d.body,"
    " found.sending_at, d.created_at"
).bindparams(cut_off=CUT_OFF)

END = text(
    "WITH delivery AS (UPDATE deliveries SET status = :status, message_id = :message_id, error = :error,"
    " finished_at = CASE WHEN :status IN ('pending', 'held') THEN NULL ELSE now() END WHERE id = :id"
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
