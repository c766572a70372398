"""Invoices in Telegram Stars and what was paid: each charge of Telegram's is written down once, and refunded once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

ORDERS_KEPT_DAYS = 30


@dataclass(frozen=True)
class Order:
    """`paid`: a payment for it has arrived."""

    id: UUID
    user_id: int
    stars: int
    unit: Literal["energy", "diamonds"]
    amount: int
    paid: bool
    age_seconds: float


@dataclass(frozen=True)
class Payment:
    """What Telegram charged a person. `unit` is None, and `amount` 0, where nobody knows what it was for."""

    charge_id: str
    user_id: int
    stars: int
    paid_at: datetime
    order_id: UUID | None = None
    unit: Literal["energy", "diamonds"] | None = None
    amount: int = 0
    refunded_at: datetime | None = None


ADD_ORDER = text(
    "INSERT INTO star_orders (user_id, stars, unit, amount) VALUES (:user_id, :stars, :unit, :amount) RETURNING id"
)
GET_ORDER = text(
    "SELECT id, user_id, stars, unit, amount, EXISTS (SELECT FROM star_payments WHERE order_id = star_orders.id)"
    " AS paid, extract(epoch FROM now() - created_at)::float8 AS age_seconds FROM star_orders WHERE id = :id"
)
FORGET_ORDERS = text(
    "DELETE FROM star_orders WHERE id IN (SELECT id FROM star_orders"
    f" WHERE created_at < now() - interval '{ORDERS_KEPT_DAYS} days' ORDER BY created_at LIMIT :limit)"
)
COLUMNS = "charge_id, user_id, stars, paid_at, order_id, unit, amount, refunded_at"
ADD_PAYMENT = text(
    "INSERT INTO star_payments (charge_id, user_id, stars, order_id, unit, amount, paid_at)"
    " VALUES (:charge_id, :user_id, :stars, :order_id, :unit, :amount, :paid_at)"
    " ON CONFLICT (charge_id) DO NOTHING RETURNING charge_id"
).bindparams(bindparam("order_id", type_=Uuid), bindparam("unit", type_=Text))
GET_PAYMENT = text(f"SELECT {COLUMNS} FROM star_payments WHERE charge_id = :charge_id")
PAYMENTS_OF = text(
    f"SELECT {COLUMNS} FROM star_payments WHERE user_id = :user_id ORDER BY paid_at DESC, charge_id LIMIT :limit"
)
# a refund that is heard of before its payment takes nothing back, and the payment will give nothing then
REFUND = text(
    "INSERT INTO star_payments AS payment (charge_id, user_id, stars, refunded_at)"
    " VALUES (:charge_id, :user_id, :stars, now()) ON CONFLICT (charge_id) DO UPDATE SET refunded_at = now()"
    f" WHERE payment.refunded_at IS NULL RETURNING {COLUMNS}"
)
LANGUAGE = text("SELECT locale, language_code FROM telegram_users WHERE user_id = :user_id")
UNKNOWN_TO_TELEGRAM = text(
    "SELECT charge_id FROM star_payments WHERE paid_at > :since AND paid_at < now() - interval '1 hour'"
    " AND charge_id <> ALL(:charge_ids)"
)
COMPARED = text("SELECT compared FROM star_reconciliations ORDER BY id DESC LIMIT 1")
ADD_RECONCILIATION = text(
    "INSERT INTO star_reconciliations (compared, credited, taken_back, unexplained)"
    " VALUES (:compared, :credited, :taken_back, :unexplained)"
)


async def add_order(connection: AsyncConnection, user_id: int, stars: int, unit: str, amount: int) -> UUID:
    values = {"user_id": user_id, "stars": stars, "unit": unit, "amount": amount}
    order_id: UUID = (await connection.execute(ADD_ORDER, values)).scalar_one()
    return order_id


async def order(connection: AsyncConnection, order_id: UUID) -> Order | None:
    row = (await connection.execute(GET_ORDER, {"id": order_id})).mappings().first()
    return Order(**row) if row else None


async def forget_orders(connection: AsyncConnection, limit: int = 10_000) -> int:
    """How many invoices that nobody can pay any more were forgotten."""
    return (await connection.execute(FORGET_ORDERS, {"limit": limit})).rowcount


async def add_payment(connection: AsyncConnection, payment: Payment) -> bool:
    """False when this charge is known already."""
    values = {name: value for name, value in vars(payment).items() if name != "refunded_at"}
    return (await connection.execute(ADD_PAYMENT, values)).first() is not None


async def payment(connection: AsyncConnection, charge_id: str) -> Payment | None:
    row = (await connection.execute(GET_PAYMENT, {"charge_id": charge_id})).mappings().first()
    return Payment(**row) if row else None


async def payments_of(connection: AsyncConnection, user_id: int, limit: int) -> list[Payment]:
    """Newest first."""
    found = await connection.execute(PAYMENTS_OF, {"user_id": user_id, "limit": limit})
    return [Payment(**row) for row in found.mappings()]


async def refund(connection: AsyncConnection, charge_id: str, user_id: int, stars: int) -> Payment | None:
    """The payment, from now on refunded; None when it was before."""
    values = {"charge_id": charge_id, "user_id": user_id, "stars": stars}
    row = (await connection.execute(REFUND, values)).mappings().first()
    return Payment(**row) if row else None


async def language(connection: AsyncConnection, user_id: int) -> tuple[str | None, str | None] | None:
    """The person's own choice and that of their app; None for somebody who is not there any more."""
    row = (await connection.execute(LANGUAGE, {"user_id": user_id})).first()
    return (row.locale, row.language_code) if row else None


async def unknown_to_telegram(connection: AsyncConnection, since: datetime, charge_ids: list[str]) -> list[str]:
    """Charges that we noted after `since`, though not within the last hour, and that are not in Telegram's list."""
    values = {"since": since, "charge_ids": charge_ids}
    return list((await connection.execute(UNKNOWN_TO_TELEGRAM, values)).scalars())


async def compared(connection: AsyncConnection) -> int:
    """How many of the transactions in Telegram's list have been compared with ours, counted from its begin."""
    return int((await connection.execute(COMPARED)).scalar() or 0)


async def add_reconciliation(
    connection: AsyncConnection, *, compared: int, credited: int, taken_back: int, unexplained: int
) -> None:
    values = {"compared": compared, "credited": credited, "taken_back": taken_back, "unexplained": unexplained}
    await connection.execute(ADD_RECONCILIATION, values)


async def forget_name(connection: AsyncConnection, user_id: int, nobody: int) -> None:
    """Payments stay under the negative number `nobody`; invoices that were not paid go."""
    values = {"user_id": user_id, "nobody": nobody}
    await connection.execute(text("DELETE FROM star_orders WHERE user_id = :user_id"), {"user_id": user_id})
    await connection.execute(text("UPDATE star_payments SET user_id = :nobody WHERE user_id = :user_id"), values)
