"""🔄 below the last answer: it is written anew in its place, for the price of an answer."""

from uuid import UUID, uuid4

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.companion.messages.outbox import ChatButtons
from jobs.companion.messages.reply_buttons import AGAIN, job_of
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.dialog import dialog_replies, dialogs
from jobs.db.dialog.dialog_replies import Newest
from webhook.handlers.balance import tell_shortage
from webhook.meeting import tell_unavailable
from webhook.visit import Visit


async def again(callback: CallbackQuery, visit: Visit, wallet: Wallet) -> AnswerCallbackQuery:
    written_by, dialog_id = job_of(callback.data or "", AGAIN), visit.user.dialog_id
    dialog = None
    if dialog_id is not None and callback.message is not None:
        await dialogs.lock(visit.connection, dialog_id)
        dialog = await dialog_replies.newest(visit.connection, dialog_id)
    if dialog is None or dialog_id is None or callback.message is None or written_by is None:
        return await _too_old(callback, visit)
    if dialog.reply_job_id is not None:
        return _words(callback, say(visit.locale, "again.busy"))
    if dialog.written_by != written_by:
        return await _too_old(callback, visit)
    if dialog.persona not in {each.key for each in await visit.allowed_personas()}:
        await tell_unavailable(visit, dialog.persona, say(visit.locale, "persona.gone"))
        return _words(callback)
    try:
        await _write_anew(visit, dialog, dialog_id, written_by, callback.message.message_id)
    except InsufficientFunds as short:
        await tell_shortage(visit, wallet, short)
        return _words(callback, say(visit.locale, "again.short"))
    return _words(callback, say(visit.locale, "again.begun"))


async def _write_anew(visit: Visit, dialog: Newest, dialog_id: int, written_by: UUID, message_id: int) -> None:
    job_id = uuid4()
    given = {
        "persona": dialog.persona,
        "dialog_id": dialog_id,
        "written_by": str(written_by),
        "message_id": message_id,
        "other_parts": await dialog_replies.other_parts(visit.connection, written_by, message_id),
    }
    paid_as = {"item": "reply"}
    await visit.submit(visit.new_job("regenerate_reply", given, id=job_id, dialog_id=dialog_id, metadata=paid_as))
    await dialogs.set_reply_job(visit.connection, dialog_id, job_id)


async def _too_old(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    if callback.message is not None:
        await visit.send([ChatButtons(callback.message.message_id)])
    return _words(callback, say(visit.locale, "again.too_old"))


def _words(callback: CallbackQuery, words: str | None = None) -> AnswerCallbackQuery:
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words)


async def is_again(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(AGAIN)


def register(routes: Router) -> None:
    routes.callback_query.register(again, is_again)
