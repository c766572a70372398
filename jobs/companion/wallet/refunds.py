"""A person gets their Telegram Stars back, and what these had bought is taken back: each once."""

from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.wallet import payments
from jobs.companion.wallet.accounts import TakenBack, Wallet
from jobs.companion.wallet.wording import taken_back_sentence
from jobs.companion.wording import locale_for
from jobs.db.people import wallet_payments
from jobs.db.people.wallet_payments import Payment
from jobs.db.session import Database

REFUNDED_BEFORE = "CHARGE_ALREADY_REFUNDED"


class CallsTelegram(Protocol):
    async def call(self, method: str, **fields: Any) -> dict[str, Any]: ...


async def refund_at_telegram(telegram: CallsTelegram, charge_id: str, user_id: int) -> dict[str, Any] | None:
    """Telegram's refusal; None when the stars are back. Raises what the client raises when there is no answer."""
    answer = await telegram.call("refundStarPayment", user_id=user_id, telegram_payment_charge_id=charge_id)
    if answer.get("ok") or REFUNDED_BEFORE in str(answer.get("description")):
        return None
    return answer


async def take_back(database: Database, wallet: Wallet, payment: Payment) -> TakenBack | None:
    """None when Telegram's own message about the refund was quicker, or there was nothing to take back."""
    async with database.transaction() as connection:
        return await take_back_in(connection, wallet, payment)


async def take_back_in(connection: AsyncConnection, wallet: Wallet, payment: Payment) -> TakenBack | None:
    """The same in the caller's transaction. Whoever paid is told."""
    taken = await payments.take_back(connection, wallet, payment.charge_id, payment.user_id, payment.stars)
    language = await wallet_payments.language(connection, payment.user_id) if taken else None
    if taken and language:
        words = taken_back_sentence(locale_for(*language), taken, payment.stars)
        key = f"stars:refunded:{payment.charge_id}"
        await send_to_chat(connection, payment.user_id, [ChatText(words)], key=key)
    return taken
