"""Any text: the persona answers. What comes while an answer is being written is answered together, afterwards."""

from uuid import uuid4

from aiogram import Router
from aiogram.methods import SendChatAction
from aiogram.types import Message

from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.dialog import dialogs
from jobs.kinds.dialogue import LONGEST_MESSAGE
from webhook import filters, limits
from webhook.handlers.balance import tell_shortage
from webhook.meeting import current_dialog, first_of, offer, tell_unavailable
from webhook.visit import Visit


async def talk(message: Message, visit: Visit, wallet: Wallet) -> SendChatAction | None:
    allowed = await visit.allowed_personas()
    if not allowed:
        await offer(visit, say(visit.locale, "gallery.choose"))
        return None
    words = (message.text or "")[:LONGEST_MESSAGE]
    limits.require_short(visit.rules, words)
    dialog_id = visit.user.dialog_id or await visit.open_dialog(first_of(visit, allowed))
    job_id = uuid4()
    keys = [each.key for each in allowed]
    dialog = await dialogs.add_user_message(visit.connection, dialog_id, words, job_id, personas=keys)
    if dialog is None:
        await _tell_unavailable(visit)
        return None
    if dialog.reply_job_id == job_id:
        given = {"persona": dialog.persona, "user_message": words, "dialog_id": dialog_id}
        try:
            await visit.submit(visit.new_job("generate_reply", given, id=job_id, dialog_id=dialog_id))
        except InsufficientFunds as short:
            # what was written stays, and is answered together with what comes when there is enough
            await dialogs.release(visit.connection, dialog_id, job_id)
            await tell_shortage(visit, wallet, short)
            return None
    else:
        await limits.require_listening(visit.connection, visit.rules, dialog_id)
    return SendChatAction(chat_id=message.chat.id, action="typing")


async def _tell_unavailable(visit: Visit) -> None:
    dialog = await current_dialog(visit)
    await tell_unavailable(visit, dialog.persona if dialog else "", say(visit.locale, "persona.gone_unread"))


def register(routes: Router) -> None:
    routes.message.register(talk, filters.words)
