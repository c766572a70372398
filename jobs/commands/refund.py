"""`postgen refund CHARGE_ID`: a person gets their Telegram Stars back, and what these had bought is taken back."""

import httpx

from jobs.commands.database import opened_database
from jobs.companion.outbox import ChatText, send_to_chat
from jobs.companion.wallet import payments
from jobs.companion.wallet.accounts import TakenBack, Wallet
from jobs.companion.wallet.wording import taken_back_sentence
from jobs.companion.wording import locale_for
from jobs.db import wallet_payments
from jobs.db.session import Database
from jobs.db.wallet_payments import Payment
from jobs.delivery.telegram import UNANSWERED, Telegram
from jobs.errors import InvalidInput, NotFound
from jobs.settings import EconomySettings, TelegramSettings, load

REFUNDED_BEFORE = "CHARGE_ALREADY_REFUNDED"


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
        print(_words(payment, await _take_back(database, wallet, payment)))
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
            answer = await telegram.call("refundStarPayment", user_id=user_id, telegram_payment_charge_id=charge_id)
        except UNANSWERED as error:
            words = f"Telegram does not answer at {settings.telegram_api_base} ({type(error).__name__})."
            return f"{words} Try again: nothing is refunded twice."
    description = str(answer.get("description", "no reason given"))
    return "" if answer.get("ok") or REFUNDED_BEFORE in description else f"Telegram refuses the refund: {description}"


async def _take_back(database: Database, wallet: Wallet, payment: Payment) -> TakenBack | None:
    """None when Telegram's own message about the refund was quicker, or there was nothing to take back."""
    async with database.transaction() as connection:
        taken = await payments.take_back(connection, wallet, payment.charge_id, payment.user_id, payment.stars)
        language = await wallet_payments.language(connection, payment.user_id) if taken else None
        if taken and language:
            words = taken_back_sentence(locale_for(*language), taken, payment.stars)
            key = f"stars:refunded:{payment.charge_id}"
            await send_to_chat(connection, payment.user_id, [ChatText(words)], key=key)
    return taken


def _words(payment: Payment, taken: TakenBack | None) -> str:
    words = f"{payment.stars} stars went back to user {payment.user_id}."
    if taken is None:
        return words
    owed = f", {taken.owed} more had been spent and are owed" if taken.owed else ""
    return f"{words} Taken back: {taken.taken} {taken.unit}{owed}."
