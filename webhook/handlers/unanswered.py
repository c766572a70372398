"""What a person had too little for, offered again below the thanks for a purchase: a photo, or an answer."""

from uuid import uuid4

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.companion.messages.outbox import Button, Buttons
from jobs.companion.messages.reply_buttons import photo_button
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.dialog import dialog_replies, dialogs
from jobs.db.people import person_load
from jobs.kinds.dialogue import LONGEST_MESSAGE
from webhook.handlers.balance import tell_shortage
from webhook.meeting import tell_unavailable
from webhook.visit import Visit

ANSWER = "answer"


async def buttons_after(visit: Visit, unit: str) -> Buttons:
    """For who has more of `unit` now. None where nothing of the current conversation waits for it."""
    dialog_id = visit.user.dialog_id
    dialog = await dialog_replies.newest(visit.connection, dialog_id) if dialog_id else None
    if dialog is None or dialog_id is None:
        return ()
    if unit == "diamonds" and dialog.written_by:
        return ((photo_button(visit.locale, dialog.written_by),),)
    waits = unit == "energy" and await person_load.waiting_messages(visit.connection, dialog_id, 1)
    if waits and dialog.reply_job_id is None:
        return ((Button(say(visit.locale, "button.answer"), ANSWER),),)
    return ()


async def answer(callback: CallbackQuery, visit: Visit, wallet: Wallet) -> AnswerCallbackQuery:
    """Everything that nobody has answered, together, as if it had been written now."""
    dialog_id, dialog, written = visit.user.dialog_id, None, None
    if dialog_id is not None:
        await dialogs.lock(visit.connection, dialog_id)
        dialog = await dialog_replies.newest(visit.connection, dialog_id)
        written = await dialogs.waiting_text(visit.connection, dialog_id)
    if dialog is not None and dialog.reply_job_id is not None:
        return _words(callback, say(visit.locale, "again.busy"))
    if dialog is None or dialog_id is None or not written:
        return _words(callback, say(visit.locale, "answer.nothing"))
    if dialog.persona not in {each.key for each in await visit.allowed_personas()}:
        await tell_unavailable(visit, dialog.persona, say(visit.locale, "persona.gone"))
        return _words(callback)
    job_id = uuid4()
    given = {"persona": dialog.persona, "user_message": written[-LONGEST_MESSAGE:], "dialog_id": dialog_id}
    try:
        await visit.submit(visit.new_job("generate_reply", given, id=job_id, dialog_id=dialog_id))
    except InsufficientFunds as short:
        await tell_shortage(visit, wallet, short)
        return _words(callback)
    await dialogs.set_reply_job(visit.connection, dialog_id, job_id)
    return _words(callback)


def _words(callback: CallbackQuery, words: str | None = None) -> AnswerCallbackQuery:
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words)


async def is_answer(callback: CallbackQuery) -> bool:
    return callback.data == ANSWER


def register(routes: Router) -> None:
    routes.callback_query.register(answer, is_answer)
