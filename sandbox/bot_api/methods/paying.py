"""sendInvoice, refundStarPayment, getStarTransactions, getMyStarBalance: payments in Telegram Stars."""

from dataclasses import replace
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.messages import InvoiceBody, PaymentBody
from sandbox.bot_api.params import Params
from sandbox.bot_api.payments import STARS
from sandbox.bot_api.posting import post, post_from_user, send_options, writable_chat
from sandbox.bot_api.wire import Wire, now

TITLE_LIMIT, DESCRIPTION_LIMIT, PAYLOAD_BYTES = 32, 255, 128
PAGE = 100


async def send_invoice(bot: Bot, params: Params) -> Any:
    invoice = invoice_of(params)
    options = send_options(params)
    first = ((options.markup or {}).get("inline_keyboard") or [[{"pay": True}]])[0][0]
    if not first.get("pay"):
        raise bad_request("BUTTON_POS_INVALID")
    if options.markup is None:
        options = replace(options, markup=pay_button(invoice.total_amount))
    chat = writable_chat(bot, params)
    return chat.wire(post(bot, chat, invoice, options))


def invoice_of(params: Params) -> InvoiceBody:
    title, description = params.required_text("title"), params.required_text("description")
    payload, currency = params.required_text("payload"), params.required_text("currency")
    if len(title) > TITLE_LIMIT:
        raise bad_request("INVOICE_TITLE_TOO_LONG")
    if len(description) > DESCRIPTION_LIMIT:
        raise bad_request("INVOICE_DESCRIPTION_TOO_LONG")
    if len(payload.encode()) > PAYLOAD_BYTES:
        raise bad_request("INVOICE_PAYLOAD_INVALID")
    if currency != STARS:
        raise bad_request("CURRENCY_INVALID")
    return InvoiceBody(
        title=title,
        description=description,
        payload=payload,
        currency=currency,
        total_amount=only_price(params),
        start_parameter=params.text("start_parameter"),
        photo_url=params.text("photo_url") or None,
    )


def only_price(params: Params) -> int:
    """An invoice in Stars has exactly one price."""
    prices = params.json_array("prices", "prices")
    if not prices:
        raise bad_request('parameter "prices" is required')
    if len(prices) != 1:
        raise bad_request("STARS_INVOICE_INVALID")
    amount = prices[0].get("amount") if isinstance(prices[0], dict) else None
    try:
        number = int(str(amount))
    except ValueError:
        raise bad_request('can\'t parse labeled price: field "amount" must be of type Number') from None
    if number < 1:
        raise bad_request("STARS_INVOICE_INVALID")
    return number


def pay_button(amount: int) -> Wire:
    return {"inline_keyboard": [[{"text": f"Pay ⭐️{amount}", "pay": True}]]}


async def refund_star_payment(bot: Bot, params: Params) -> Any:
    charge = bot.payments.charges.get(params.text("telegram_payment_charge_id"))
    if charge is None or charge.user.user_id != params.integer("user_id"):
        raise bad_request("CHARGE_NOT_FOUND")
    if charge.refunded_at is not None:
        raise bad_request("CHARGE_ALREADY_REFUNDED")
    charge.refunded_at = now()
    post_from_user(bot, bot.chat(charge.user.user_id), PaymentBody("refunded_payment", charge.payment_wire()))
    return True


async def get_star_transactions(bot: Bot, params: Params) -> Any:
    offset, limit = max(params.integer("offset"), 0), min(max(params.integer("limit", PAGE), 1), PAGE)
    return {"transactions": bot.payments.transactions()[offset : offset + limit]}


async def get_my_star_balance(bot: Bot, params: Params) -> Any:
    kept = [charge for charge in bot.payments.charges.values() if charge.refunded_at is None]
    return {"amount": sum(charge.invoice.total_amount for charge in kept)}
