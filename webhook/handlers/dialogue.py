"""Any text: the persona answers. What comes while an answer is being written is answered together, afterwards."""

from uuid import uuid4

from aiogram import Router
from aiogram.methods import SendChatAction
from aiogram.types import Message

from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.db import dialogs
from jobs.kinds.dialogue import LONGEST_MESSAGE
from webhook import filters
from webhook.handlers.balance import tell_shortage
from webhook.visit import Visit


async def talk(message: Message, visit: Visit, wallet: Wallet) -> SendChatAction | None:
    words = (message.text or "")[:LONGEST_MESSAGE]
    dialog_id = await visit.current_dialog()
    job_id = uuid4()
    dialog = await dialogs.add_user_message(visit.connection, dialog_id, words, job_id)
    if dialog.reply_job_id == job_id:
        persona = visit.persona(dialog.persona)
        given = {"persona": persona.key, "user_message": words, "dialog_id": dialog_id}
        try:
            await visit.submit(visit.new_job("generate_reply", given, id=job_id, dialog_id=dialog_id))
        except InsufficientFunds as short:
            # what was written stays, and is answered together with what comes when there is enough
            await dialogs.release(visit.connection, dialog_id, job_id)
            await tell_shortage(visit, wallet, short)
            return None
    return SendChatAction(chat_id=message.chat.id, action="typing")


def router() -> Router:
    routes = Router(name="dialogue")
    routes.message.register(talk, filters.words)
    return routes
