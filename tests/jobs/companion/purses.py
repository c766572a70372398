"""What tests of the wallet need: accounts as they are, time that passes, and a job that is paid for."""

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.prices import Price
from jobs.db.people import wallet as ledger
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import EconomySettings
from tests.factories import USER, rows

REPLY = Price("energy", 1, "reply")
PICTURE = Price("diamonds", 10, "picture")
PRICES = {"price_reply": 1, "price_picture": 10, "price_photo": 10}


def economy(**changes: Any) -> EconomySettings:
    return EconomySettings(**{**PRICES, **changes}, _env_file=None)


def paid_job(user: int = USER, kind: str = "generate_image", **more: Any) -> NewJob:
    return NewJob(kind, {}, f"telegram:{user}", **more)


async def balance(database: Database, wallet: Wallet, unit: ledger.Unit = "diamonds", user: int = USER) -> int:
    async with database.transaction() as connection:
        return (await wallet.standing(connection, user, unit)).balance


async def charge(database: Database, wallet: Wallet, price: Price = PICTURE, job_id: UUID | None = None) -> UUID:
    job_id = job_id or uuid4()
    async with database.transaction() as connection:
        await wallet.charge(connection, USER, job_id, price)
    return job_id


async def entries(database: Database, unit: str = "diamonds", user: int = USER) -> list[tuple[str, int, int]]:
    found = await rows(
        database,
        "SELECT reason, amount, balance FROM wallet_entries WHERE user_id = :user AND unit = :unit ORDER BY number",
        user=user, unit=unit,
    )  # fmt: skip
    return [(row["reason"], row["amount"], row["balance"]) for row in found]


async def let_time_pass(connection: AsyncConnection, seconds: float, user: int = USER) -> None:
    """Nothing may change an entry: for this the database has to be told that it only copies another one."""
    await connection.execute(text("SET LOCAL session_replication_role = replica"))
    shift = text(
        "UPDATE wallet_entries SET counted_at = counted_at - make_interval(secs => :seconds) WHERE user_id = :user"
    )
    await connection.execute(shift, {"seconds": float(seconds), "user": user})
    await connection.execute(text("SET LOCAL session_replication_role = origin"))


async def pass_time(database: Database, seconds: float, user: int = USER) -> None:
    async with database.transaction() as connection:
        await let_time_pass(connection, seconds, user)


async def sound(database: Database) -> None:
    """The invariants, straight from the table."""
    async with database.transaction() as connection:
        assert await ledger.drifts(connection) == []
    twice = "SELECT job_id, retry, reason FROM wallet_entries WHERE job_id IS NOT NULL"
    assert await rows(database, f"{twice} GROUP BY job_id, retry, reason, unit HAVING count(*) > 1") == []
    assert await rows(database, "SELECT * FROM wallet_entries WHERE balance < 0") == []
    unpaid = (
        "SELECT * FROM wallet_entries refund WHERE reason = 'refund' AND NOT EXISTS (SELECT FROM wallet_entries charge"
        " WHERE charge.job_id = refund.job_id AND charge.retry = refund.retry AND charge.unit = refund.unit"
        " AND charge.reason = 'charge' AND charge.amount = -refund.amount AND charge.user_id = refund.user_id)"
    )
    assert await rows(database, unpaid) == []
