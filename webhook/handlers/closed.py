"""Nothing is taken in from this person now: they are banned, their data are being erased, or the bot is in maintenance.

Payments and refunds are not asked about here, and neither is who blocks the bot: those pass always.
"""

from typing import Any

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message

from jobs.companion.messages.outbox import ChatText
from jobs.companion.operating import maintenance
from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.operating.maintenance import Reason
from jobs.companion.preferences import SETTINGS
from webhook.visit import Visit

# what makes no work for anybody behind this door
READING = frozenset(("/help", "/balance", "/buy", "/terms", "/paysupport", "/settings"))
HARMLESS_BUTTONS = ("buy:", SETTINGS)
# Telegram's limit
LONGEST_NOTICE = 200


async def is_closed(event: Message | CallbackQuery, visit: Visit, rules: BotSettings) -> bool | dict[str, Any]:
    if isinstance(event, Message) and (event.successful_payment or event.refunded_payment):
        return False
    reason = _reason(event, visit, rules)
    return {"reason": reason} if reason else False


def _reason(event: Message | CallbackQuery, visit: Visit, rules: BotSettings) -> Reason | None:
    user = visit.user
    if user.user_id in rules.admins:
        return None
    if user.banned_at:
        return "ban"
    if maintenance.is_being_erased(user.erasing_at):
        return "erasing"
    return "maintenance" if user.maintenance_since and not _is_harmless(event) else None


def _is_harmless(event: Message | CallbackQuery) -> bool:
    if isinstance(event, CallbackQuery):
        return (event.data or "").startswith(HARMLESS_BUTTONS)
    words = (event.text or "").split()
    # an invoice that was sent on leads to /start buy
    return words == ["/start", "buy"] or (bool(words) and words[0].partition("@")[0] in READING)


async def turn_away(message: Message, visit: Visit, reason: Reason) -> None:
    del message
    since = visit.user.maintenance_since
    if await maintenance.is_to_be_told(visit.connection, visit.user.user_id, reason, since):
        await visit.send([ChatText(await maintenance.words(visit.connection, visit.locale, reason))])


async def refuse_button(callback: CallbackQuery, visit: Visit, reason: Reason) -> AnswerCallbackQuery:
    """A banned person who presses is not told each time: the button only stops to spin."""
    if reason == "ban":
        return AnswerCallbackQuery(callback_query_id=callback.id)
    words = await maintenance.words(visit.connection, visit.locale, reason)
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words[:LONGEST_NOTICE], show_alert=True)


def register(routes: Router) -> None:
    routes.message.register(turn_away, is_closed)
    routes.callback_query.register(refuse_button, is_closed)
