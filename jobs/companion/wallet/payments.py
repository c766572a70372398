"""Telegram Stars: an invoice is an order, a payment is credited once, and what is refunded is taken back once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import STARS
from jobs.companion.wallet.accounts import Sum, TakenBack, Wallet
from jobs.db.people import wallet_payments as rows
from jobs.db.people.wallet_payments import Payment
from jobs.settings import StarsPack

log = structlog.get_logger()

# prices change; and nobody wonders for what an old message in the chat asks
INVOICE_SECONDS = 86_400

Objection = Literal["unknown", "not_yours", "changed", "paid", "old"]


@dataclass(frozen=True)
class Paid:
    """What Telegram says about a payment, in its message or in its list."""

    charge_id: str
    user_id: int
    currency: str
    stars: int
    payload: str
    at: datetime


@dataclass(frozen=True)
class Credited:
    """`money` is None where nobody knows what was paid for; `settled` of it paid what was owed."""

    money: Sum | None
    settled: int = 0


async def order(connection: AsyncConnection, user_id: int, pack: StarsPack) -> UUID:
    """The payload of an invoice for this pack, which this person alone can pay."""
    return await rows.add_order(connection, user_id, pack.stars, pack.unit, pack.amount)


async def objection(
    connection: AsyncConnection, user_id: int, currency: str, stars: int, payload: str
) -> Objection | None:
    """Why this invoice may not be paid by this person now. Changes nothing."""
    order_id = _order_id(payload)
    found = await rows.order(connection, order_id) if order_id else None
    if found is None:
        return "unknown"
    if found.user_id != user_id:
        return "not_yours"
    if (currency, stars) != (STARS, found.stars):
        return "changed"
    if found.paid:
        return "paid"
    return "old" if found.age_seconds > INVOICE_SECONDS else None


async def credit(connection: AsyncConnection, wallet: Wallet, paid: Paid) -> Credited | None:
    """Whoever paid gets it. None when this charge was credited, or refunded, before.

    The money has been taken: an invoice that was paid twice is credited twice.
    """
    order_id = _order_id(paid.payload)
    found = await rows.order(connection, order_id) if order_id else None
    known = found if found and (paid.currency, paid.stars) == (STARS, found.stars) else None
    bought = {"order_id": known.id, "unit": known.unit, "amount": known.amount} if known else {}
    payment = Payment(paid.charge_id, paid.user_id, paid.stars, paid.at, **bought)  # type: ignore[arg-type] # its fields
    if not await rows.add_payment(connection, payment):
        return None
    if known is None:
        log.error("a payment that nobody can explain", charge_id=paid.charge_id, stars=paid.stars)
        return Credited(None)
    money = Sum(known.unit, known.amount)
    settled = await wallet.credit(connection, paid.user_id, money, "purchase", paid.charge_id)
    return Credited(money, settled or 0)


async def take_back(
    connection: AsyncConnection, wallet: Wallet, charge_id: str, user_id: int, stars: int
) -> TakenBack | None:
    """After a refund of Telegram's. None when that was done before, or nothing had been given for the payment."""
    payment = await rows.refund(connection, charge_id, user_id, stars)
    if payment is None or payment.unit is None:
        return None
    return await wallet.take_back(connection, payment.user_id, Sum(payment.unit, payment.amount), charge_id)


def _order_id(payload: str) -> UUID | None:
    try:
        return UUID(payload)
    except ValueError:
        return None
