"""One row for each message that goes out, and one for each try that did not simply succeed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.chats import chat_pace
from jobs.db.chats.chat_pace import Pace, Turn
from jobs.db.queue import tickets
from jobs.db.queue.tickets import Ticket

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


@dataclass(frozen=True)
class Begun:
    """`earlier`: the message of the chat that it is about, if that is another delivery's and has arrived."""

    delivery: Delivery
    earlier: int | None


# one ticket sends them one after the other
ARGUMENTS = (
    "jsonb_build_object('delivery_id', ids[1])"
    " || CASE WHEN cardinality(ids) > 1 THEN jsonb_build_object('then', ids[2:]) ELSE '{}' END"
)
PLAN = text(
    "WITH planned AS (INSERT INTO deliveries (key, job_id, channel, destination, payload)"
    "  SELECT :key || ':' || number - 1, :job_id, 'telegram', :destination, payload"
    "   FROM jsonb_array_elements(:payloads) WITH ORDINALITY AS message (payload, number) ORDER BY number"
    "  ON CONFLICT (key) DO NOTHING RETURNING id)"
    f" SELECT {tickets.making_ticket(ARGUMENTS)} FROM (SELECT array_agg(id ORDER BY id) AS ids FROM planned) AS planned"
    " WHERE ids IS NOT NULL"
).bindparams(
    *tickets.PARAMETERS,
    bindparam("key", type_=Text),
    bindparam("job_id", type_=Uuid),
    bindparam("destination", type_=Text),
    bindparam("payloads", type_=JSONB),
)

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
# the delivery whose key stands in `payload.of`
OF_EARLIER = (
    "earlier.key = d.payload ->> 'of' AND earlier.channel = 'telegram' AND earlier.destination = d.destination"
    " AND jsonb_typeof(d.payload -> 'of') = 'string'"
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

# a message without a file, to somebody who has not blocked the bot; found `pending`, it was not cut off
BEGIN_IN_TURN = text(
    f"WITH {chat_pace.TURN}, begun AS (UPDATE deliveries d SET status = 'sending', attempt = d.attempt + 1,"
    "  sending_at = now() FROM turn WHERE d.id = turn.id AND turn.verdict = 'go' AND turn.wait = 0"
    "  AND d.status = 'pending' AND d.next_attempt_at IS NULL AND NOT d.payload ?| ARRAY['media_id', 'greeting']"
    "  AND NOT EXISTS (SELECT FROM telegram_users WHERE user_id = turn.chat AND blocked_at IS NOT NULL)"
    "  RETURNING d.id, d.key, d.job_id, d.channel, d.destination, d.payload, 'pending' AS status, d.attempt,"
    "   false AS recipient_blocked, true AS taken, d.endpoint_id, d.webhook_id, d.body,"
    "   CAST(NULL AS timestamptz) AS sending_at, d.created_at,"
    f"  (SELECT message_id FROM deliveries AS earlier WHERE {OF_EARLIER}) AS earlier)"
    " SELECT turn.verdict, turn.wait, begun.* FROM turn LEFT JOIN begun ON begun.id = turn.id"
)

END = text(
    "WITH delivery AS (UPDATE deliveries SET status = :status, message_id = :message_id, error = :error,"
    " finished_at = CASE WHEN :status IN ('pending', 'held') THEN NULL ELSE now() END WHERE id = :id"
    " RETURNING id, attempt, sending_at) "
    "INSERT INTO delivery_attempts (delivery_id, number, outcome, error, started_at)"
    " SELECT id, attempt, :outcome, :error, sending_at FROM delivery ON CONFLICT DO NOTHING"
).bindparams(bindparam("error", type_=JSONB(none_as_null=True)))


async def plan(
    connection: AsyncConnection, chat_id: int, payloads: list[Json], ticket: Ticket, *, key: str, job_id: UUID | None
) -> None:
    """Messages to a chat as the deliveries `key:0`, `key:1`, …, and one ticket for those that were not planned before.

    The ticket's arguments are made here.
    """
    values = {"key": key, "job_id": job_id, "destination": str(chat_id), "payloads": payloads}
    await connection.execute(PLAN, {**values, **tickets.values(ticket)})


async def begin_in_turn(connection: AsyncConnection, delivery_id: int, pace: Pace) -> tuple[Turn, Begun | None] | None:
    """A chat's turn, and where it is now and the message plain, that as well: a single statement for nearly all.

    None for what is not to be sent to a chat now. Must be committed before the send.
    """
    row = (await connection.execute(BEGIN_IN_TURN, chat_pace.turn_values(delivery_id, pace))).mappings().first()
    if row is None:
        return None
    fields = dict(row)
    turn, earlier = Turn(fields.pop("verdict"), float(fields.pop("wait"))), fields.pop("earlier")
    return turn, Begun(Delivery(**fields), earlier) if fields["id"] is not None else None


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
