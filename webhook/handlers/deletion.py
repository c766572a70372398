"""/delete_me: what goes and what stays, the data as a file for whoever wants them, and then everything is erased."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message

from jobs.companion.messages.outbox import Button, ChatEdit, ChatText
from jobs.companion.wording import say
from jobs.db.people import erasure
from jobs.kinds.contract import NewJob
from jobs.owners import BOT
from webhook.visit import CHAT_PRIORITY, Visit

ERASE = "erase:"
EXPORT, CONFIRM, KEEP = f"{ERASE}export", f"{ERASE}confirm", f"{ERASE}keep"


async def ask(message: Message, visit: Visit) -> None:
    del message
    locale = visit.locale
    buttons = (
        (Button(say(locale, "button.export"), EXPORT),),
        (Button(say(locale, "button.erase"), CONFIRM),),
        (Button(say(locale, "button.keep"), KEEP),),
    )
    await visit.send([ChatText(say(locale, "erasure.question"), buttons)])


async def export(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    given = {"user_id": visit.user.user_id, "locale": visit.locale}
    await visit.submit(visit.new_job("export_person", given))
    return AnswerCallbackQuery(callback_query_id=callback.id, text=say(visit.locale, "export.coming"))


async def confirm(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    """The bot's own job: those of the person go with their data."""
    user_id = visit.user.user_id
    await erasure.begin(visit.connection, user_id)
    given = {"user_id": user_id, "locale": visit.locale}
    fields = {"destination": visit.destination, "priority": CHAT_PRIORITY}
    await visit.intake.submit(visit.connection, NewJob("erase_person", given, BOT, **fields))  # type: ignore[arg-type] # NewJob's own names
    await _replace(callback, visit, say(visit.locale, "erasure.begun"))
    return AnswerCallbackQuery(callback_query_id=callback.id)


async def keep(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    await _replace(callback, visit, say(visit.locale, "erasure.kept"))
    return AnswerCallbackQuery(callback_query_id=callback.id)


async def _replace(callback: CallbackQuery, visit: Visit, words: str) -> None:
    if callback.message is not None:
        await visit.send([ChatEdit(callback.message.message_id, words)])


async def is_export(callback: CallbackQuery) -> bool:
    return callback.data == EXPORT


async def is_confirmation(callback: CallbackQuery) -> bool:
    return callback.data == CONFIRM


async def is_refusal(callback: CallbackQuery) -> bool:
    return callback.data == KEEP


def register(routes: Router) -> None:
    routes.message.register(ask, Command("delete_me", ignore_mention=True))
    routes.callback_query.register(export, is_export)
    routes.callback_query.register(confirm, is_confirmation)
    routes.callback_query.register(keep, is_refusal)
