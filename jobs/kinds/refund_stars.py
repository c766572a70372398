"""Gives a person their Telegram Stars back, as an admin has asked in the chat. An inner kind; safe to repeat."""

from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText
from jobs.companion.wallet import refunds
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.people import wallet_payments
from jobs.db.people.wallet_payments import Payment
from jobs.errors import NotFound
from jobs.kinds.asking import Asking
from jobs.kinds.attempts import DUTY
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "telegram"
CHAT_ACTION = "typing"
ATTEMPTS = DUTY


class Input(KindInput):
    """`user_id`: who paid, where that was forgotten."""

    charge_id: str
    user_id: int | None = None
    locale: str = "en"


class Result(BaseModel):
    """`refusal`: why Telegram did not give the stars back; None when it did."""

    charge_id: str
    refusal: str | None = None


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given = run.input
    async with run.database.transaction() as connection:
        payment = await wallet_payments.payment(connection, given.charge_id)
    if payment is None:
        raise NotFound(f"There is no payment {given.charge_id}.")
    payer = given.user_id or payment.user_id
    refused = await refunds.refund_at_telegram(Asking(resources.telegram), given.charge_id, payer)
    if refused is not None:
        why = str(refused.get("description", "?"))
        words = say(given.locale, "admin.refund_refused", charge_id=given.charge_id, reason=why)
        return Outcome(Result(charge_id=given.charge_id, refusal=why), messages=[ChatText(words)])
    words = say(given.locale, "admin.refunded", stars=payment.stars, user=payer)
    save = partial(_save, resources.intake.wallet, payment)
    return Outcome(Result(charge_id=given.charge_id), messages=[ChatText(words)], save=save)


async def _save(wallet: Wallet, payment: Payment, connection: AsyncConnection) -> list[NewJob]:
    await refunds.take_back_in(connection, wallet, payment)
    return []
