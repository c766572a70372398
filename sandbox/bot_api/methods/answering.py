"""answerCallbackQuery, answerPreCheckoutQuery: what has to be answered within seconds."""

from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.params import Params
from sandbox.bot_api.person import Person
from sandbox.bot_api.wire import now, without_none

CALLBACK_TEXT_LIMIT = 200
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"


async def answer_callback_query(bot: Bot, params: Params) -> Any:
    text = params.text("text")
    if len(text) > CALLBACK_TEXT_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    query = bot.callbacks.answerable(params.text("callback_query_id"))
    if query is None:
        raise bad_request(TOO_OLD)
    query.answered_at = now()
    query.answer = without_none(text=text or None, show_alert=params.flag("show_alert"), url=params.text("url") or None)
    bot.publish("callback_answer", bot.chat(query.user_id), query.view())
    return True


async def answer_pre_checkout_query(bot: Bot, params: Params) -> Any:
    checkout = bot.payments.checkouts.get(params.text("pre_checkout_query_id"))
    if checkout is None or checkout.status != "waiting":
        raise bad_request(TOO_OLD)
    agreed = params.flag("ok")
    reason = None if agreed else params.required_text("error_message")
    Person(bot, checkout.user).settle_payment(checkout, reason)
    return True
