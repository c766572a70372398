"""`postgen refund CHARGE_ID`: a person gets their Telegram Stars back, and what these had bought is taken back."""

import httpx

from jobs.commands.database import opened_database
from jobs.companion.wallet import refunds
from jobs.companion.wallet.accounts import TakenBack, Wallet
from jobs.db.people import wallet_payments
from jobs.db.people.wallet_payments import Payment
from jobs.db.session import Database
from jobs.delivery.telegram import UNANSWERED, Telegram
from jobs.errors import InvalidInput, NotFound
from jobs.settings import EconomySettings, TelegramSettings, load


async def refund(charge_id: str, *, user_id: int | None = None) -> bool:
    """`user_id`: who paid, where that was forgotten. Safe to repeat. Raises NotFound and InvalidInput."""
    settings, wallet = load(TelegramSettings), Wallet(load(EconomySettings))
    async with opened_database() as database:
        payment = await _find(database, charge_id)
        payer = user_id or payment.user_id
        if payer < 0:
            raise InvalidInput("Whoever paid this has deleted their data. Name them: --user 123456")
        problem = await _refund_at_telegram(settings, charge_id, payer)
        if problem:
            print(problem)
            return False
        print(_words(payment, await refunds.take_back(database, wallet, payment)))
    return True


async def _find(database: Database, charge_id: str) -> Payment:
    async with database.transaction() as connection:
        payment = await wallet_payments.payment(connection, charge_id)
    if payment is None:
        raise NotFound(f"There is no payment {charge_id}. /paysupport shows people the numbers of theirs.")
    return payment


async def _refund_at_telegram(settings: TelegramSettings, charge_id: str, user_id: int) -> str:
    """What went wrong, in words; empty when the stars are back."""
    async with httpx.AsyncClient(trust_env=False) as client:
        token = settings.telegram_bot_token.get_secret_value()
        telegram = Telegram(client, token=token, api_base=settings.telegram_api_base)
        try:
            refusal = await refunds.refund_at_telegram(telegram, charge_id, user_id)
        except UNANSWERED as error:
            words = f"Telegram does not answer at {settings.telegram_api_base} ({type(error).__name__})."
            return f"{words} Try again: nothing is refunded twice."
    if refusal is None:
        return ""
    return f"Telegram refuses the refund: {refusal.get('description', 'no reason given')}"


def _words(payment: Payment, taken: TakenBack | None) -> str:
    words = f"{payment.stars} stars went back to user {payment.user_id}."
    if taken is None:
        return words
    owed = f", {taken.owed} more had been spent and are owed" if taken.owed else ""
    return f"{words} Taken back: {taken.taken} {taken.unit}{owed}."
