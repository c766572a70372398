"""The ledger: entries that are only ever added, each of which goes on where the one before it ended.

Nobody locks anything: who posts reads the newest entry and writes the number after it, in one statement. Of two that do
so at once the primary key lets one pass; the other one waits for it, finds nothing written, and looks again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import BigInteger, Double, Integer, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

Unit = Literal["energy", "diamonds", "energy_owed", "diamonds_owed"]
Reason = Literal["charge", "refund", "purchase", "payment_refunded", "settlement", "gift"]


@dataclass(frozen=True)
class Growth:
    """What an account does by itself: begins with `start`, and gets one more every `seconds` up to `most`."""

    start: int = 0
    most: int = 0
    seconds: float = 1.0


@dataclass(frozen=True)
class Posting:
    """`amount` is negative for what is taken. With the same job and retry, or reference, a reason is posted once."""

    user_id: int
    unit: Unit
    amount: int
    reason: Reason
    item: str | None = None
    job_id: UUID | None = None
    retry: int | None = None
    reference: str | None = None


@dataclass(frozen=True)
class Posted:
    """`balance` is what the account has now, with what had come by itself.

    Without `written` nothing was changed: because it was posted `before`, or because more is taken than there is.
    """

    written: bool
    before: bool
    balance: int


@dataclass(frozen=True)
class Entry:
    unit: Unit
    number: int
    reason: Reason
    amount: int
    balance: int
    item: str | None
    job_id: UUID | None
    retry: int | None
    created_at: datetime


@dataclass(frozen=True)
class Standing:
    """`next_at`: when one more comes by itself; None when nothing will, or there are `most` already."""

    balance: int
    next_at: datetime | None


@dataclass(frozen=True)
class Charge:
    user_id: int
    unit: Unit
    amount: int
    item: str | None
    job_id: UUID
    retry: int


ACCOUNT = (
    bindparam("user_id", type_=BigInteger),
    bindparam("unit", type_=Text),
    bindparam("start", type_=BigInteger),
    bindparam("most", type_=BigInteger),
    bindparam("seconds", type_=Double),
)
JOB = (bindparam("job_id", type_=Uuid), bindparam("retry", type_=Integer))

# the account as it is at this moment. Clocks of transactions that overlap may run against each other: time never goes
# back; and what is full does not save time up
GROWN = (
    "last AS (SELECT number, balance, counted_at FROM wallet_entries"
    " WHERE user_id = :user_id AND unit = :unit ORDER BY number DESC LIMIT 1),"
    " found AS (SELECT number, balance, counted_at, greatest(0, least(:most - balance,"
    "   floor(extract(epoch FROM now() - counted_at) / :seconds)))::bigint AS came FROM last"
    "  UNION ALL SELECT 0, 0, now(), :start WHERE NOT EXISTS (SELECT FROM last)),"
    " grown AS (SELECT number, came, balance + came AS balance,"
    "  CASE WHEN balance + came >= :most OR number = 0 THEN greatest(now(), counted_at)"
    "   ELSE counted_at + make_interval(secs => :seconds * came) END AS counted_at FROM found)"
)

POST = text(
    f"WITH {GROWN},"
    " before AS (SELECT FROM wallet_entries WHERE reason = :reason AND unit = :unit"
    "  AND ((job_id = :job_id AND retry = :retry) OR reference = :reference)),"
    " entry AS (INSERT INTO wallet_entries (user_id, unit, number, reason, amount, came, balance, counted_at, item,"
    "   job_id, retry, reference)"
    "  SELECT :user_id, :unit, number + 1, :reason, :amount, came, balance + :amount, counted_at, :item,"
    "   :job_id, :retry, :reference FROM grown"
    "   WHERE balance + :amount >= 0 AND NOT EXISTS (SELECT FROM before)"
    "  ON CONFLICT DO NOTHING RETURNING balance)"
    " SELECT EXISTS (SELECT FROM entry) AS written, EXISTS (SELECT FROM before) AS before,"
    " coalesce((SELECT balance FROM entry), grown.balance) AS balance FROM grown"
).bindparams(
    *ACCOUNT,
    *JOB,
    bindparam("amount", type_=BigInteger),
    bindparam("reason", type_=Text),
    bindparam("item", type_=Text),
    bindparam("reference", type_=Text),
)

STANDING = text(
    f"WITH {GROWN} SELECT balance, CASE WHEN balance < :most"
    " THEN counted_at + make_interval(secs => :seconds) END AS next_at FROM grown"
).bindparams(*ACCOUNT)

OPEN_CHARGES = text(
    "SELECT user_id, unit, -amount AS amount, item, job_id, retry FROM wallet_entries AS charge"
    " WHERE reason = 'charge' AND ((job_id = :job_id AND retry = coalesce(:retry, retry)) OR job_id = :root_id)"
    " AND NOT EXISTS (SELECT FROM wallet_entries AS refund WHERE refund.job_id = charge.job_id"
    "  AND refund.retry = charge.retry AND refund.reason = 'refund' AND refund.unit = charge.unit)"
    " ORDER BY user_id, unit, number"
).bindparams(*JOB, bindparam("root_id", type_=Uuid))

# of the job, or of the tree that it belongs to
LAST_CHARGE = text(
    "SELECT item, EXISTS (SELECT FROM wallet_entries AS refund WHERE refund.job_id = charge.job_id"
    "  AND refund.retry = charge.retry AND refund.reason = 'refund' AND refund.unit = charge.unit) AS refunded"
    " FROM wallet_entries AS charge WHERE reason = 'charge' AND (job_id = :job_id OR job_id = :root_id)"
    " ORDER BY created_at DESC, number DESC LIMIT 1"
).bindparams(bindparam("job_id", type_=Uuid), bindparam("root_id", type_=Uuid))

LATEST = text(
    "SELECT unit, number, reason, amount, balance, item, job_id, retry, created_at FROM wallet_entries"
    " WHERE user_id = :user_id AND unit = ANY(:units) ORDER BY created_at DESC, number DESC LIMIT :limit"
)

# what the trigger makes impossible; a nightly look costs little
DRIFTS = text(
    "SELECT user_id, unit FROM wallet_entries GROUP BY user_id, unit"
    " HAVING sum(amount + came) <> (array_agg(balance ORDER BY number DESC))[1] OR min(balance) < 0"
    "  OR max(number) <> count(*)"
)

FORGET_NAME = text("UPDATE wallet_entries SET user_id = :nobody WHERE user_id = :user_id")


async def post(connection: AsyncConnection, posting: Posting, growth: Growth) -> Posted:
    """One statement, unless somebody else posts to the same account at the same moment."""
    values = {**vars(posting), **vars(growth)}
    while True:
        posted = Posted(**(await connection.execute(POST, values)).mappings().one())
        if posted.written or posted.before or posted.balance + posting.amount < 0:
            return posted


async def standing(connection: AsyncConnection, user_id: int, unit: Unit, growth: Growth) -> Standing:
    values = {"user_id": user_id, "unit": unit, **vars(growth)}
    return Standing(**(await connection.execute(STANDING, values)).mappings().one())


async def open_charges(
    connection: AsyncConnection, job_id: UUID, *, retry: int | None = None, root_id: UUID | None = None
) -> list[Charge]:
    """What was paid for the job, or for the tree that it belongs to, and not given back. `retry`: for that try only."""
    found = await connection.execute(OPEN_CHARGES, {"job_id": job_id, "retry": retry, "root_id": root_id})
    return [Charge(**row) for row in found.mappings()]


async def refunded_item(connection: AsyncConnection, job_id: UUID, root_id: UUID | None) -> str | None:
    """What was paid for the job, or for its tree, if it was given back; None where nothing was paid, or still is."""
    row = (await connection.execute(LAST_CHARGE, {"job_id": job_id, "root_id": root_id})).first()
    return row.item if row and row.refunded else None


async def latest(connection: AsyncConnection, user_id: int, units: list[Unit], limit: int) -> list[Entry]:
    """Newest first."""
    found = await connection.execute(LATEST, {"user_id": user_id, "units": units, "limit": limit})
    return [Entry(**row) for row in found.mappings()]


async def drifts(connection: AsyncConnection) -> list[tuple[int, Unit]]:
    """Accounts whose balance is not the sum of their entries: none, or the database was tampered with."""
    return [(row.user_id, row.unit) for row in await connection.execute(DRIFTS)]


async def forget_name(connection: AsyncConnection, user_id: int, nobody: int) -> None:
    """The entries stay, under the negative number `nobody`, which belongs to no one."""
    # an entry that is added meanwhile would go on from one that has left
    await connection.execute(text("LOCK TABLE wallet_entries IN SHARE ROW EXCLUSIVE MODE"))
    await connection.execute(FORGET_NAME, {"user_id": user_id, "nobody": nobody})
