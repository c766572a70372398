"""/buy, and what Telegram tells about payments. Its question before a payment is answered within its own request."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.methods import AnswerCallbackQuery, AnswerPreCheckoutQuery
from aiogram.types import CallbackQuery, Message, PreCheckoutQuery

from jobs.companion.messages.outbox import BUY_LINK, ChatText
from jobs.companion.wallet import payments
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.payments import Paid
from jobs.companion.wallet.wording import (
    credited_sentence,
    invoice,
    objection_sentence,
    pack_buttons,
    pack_data,
    taken_back_sentence,
)
from jobs.companion.wording import say
from webhook.handlers.unanswered import buttons_after
from webhook.visit import Visit


async def offer(message: Message, visit: Visit, wallet: Wallet) -> None:
    del message
    packs = wallet.economy.packs
    words = say(visit.locale, "buy.choose") if packs else say(visit.locale, "buy.nothing")
    await visit.send([ChatText(words, pack_buttons(visit.locale, packs))])


async def choose(callback: CallbackQuery, visit: Visit, wallet: Wallet) -> AnswerCallbackQuery:
    pack = next((pack for pack in wallet.economy.packs if pack_data(pack) == callback.data), None)
    if pack is None:
        return AnswerCallbackQuery(callback_query_id=callback.id, text=say(visit.locale, "buy.gone"), show_alert=True)
    order_id = await payments.order(visit.connection, visit.user.user_id, pack)
    await visit.send([invoice(visit.locale, pack, str(order_id))])
    return AnswerCallbackQuery(callback_query_id=callback.id)


async def check_out(query: PreCheckoutQuery, visit: Visit) -> AnswerPreCheckoutQuery:
    """Changes nothing: whether Telegram hears the answer or asks again makes no difference."""
    found = await payments.objection(
        visit.connection, query.from_user.id, query.currency, query.total_amount, query.invoice_payload
    )
    if found is None:
        return AnswerPreCheckoutQuery(pre_checkout_query_id=query.id, ok=True)
    return AnswerPreCheckoutQuery(
        pre_checkout_query_id=query.id, ok=False, error_message=objection_sentence(visit.locale, found)
    )


async def paid(message: Message, visit: Visit, wallet: Wallet) -> None:
    payment = message.successful_payment
    assert payment is not None, "the filter lets nothing else through"
    charge_id, stars = payment.telegram_payment_charge_id, payment.total_amount
    credited = await payments.credit(
        visit.connection,
        wallet,
        Paid(charge_id, visit.user.user_id, payment.currency, stars, payment.invoice_payload, message.date),
    )
    if credited:
        buttons = await buttons_after(visit, credited.money.unit) if credited.money else ()
        await visit.send([ChatText(credited_sentence(visit.locale, credited, stars, charge_id), buttons)])


async def refunded(message: Message, visit: Visit, wallet: Wallet) -> None:
    payment = message.refunded_payment
    assert payment is not None, "the filter lets nothing else through"
    charge_id, stars = payment.telegram_payment_charge_id, payment.total_amount
    taken = await payments.take_back(visit.connection, wallet, charge_id, visit.user.user_id, stars)
    if taken:
        await visit.send([ChatText(taken_back_sentence(visit.locale, taken, stars))])


async def by_link(message: Message) -> bool:
    """`/start buy` comes from an invoice that was sent on to somebody else."""
    return (message.text or "").split() == ["/start", BUY_LINK]


async def is_pack(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith("buy:")


async def is_payment(message: Message) -> bool:
    return message.successful_payment is not None


async def is_refund(message: Message) -> bool:
    return message.refunded_payment is not None


def register(routes: Router) -> None:
    routes.message.register(offer, Command("buy", ignore_mention=True))
    routes.message.register(offer, by_link)
    routes.callback_query.register(choose, is_pack)
    routes.pre_checkout_query.register(check_out)
    routes.message.register(paid, is_payment)
    routes.message.register(refunded, is_refund)
