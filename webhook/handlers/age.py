"""The question before a persona that is for adults: the answer is written down with its date, and can be taken back."""

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.companion.age_question import AGE
from jobs.companion.messages.outbox import ChatEdit
from jobs.companion.wording import say
from jobs.safety import ratings
from webhook.meeting import meet, offer
from webhook.visit import Visit


async def answer(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    said, _, key = (callback.data or "").removeprefix(AGE).partition(":")
    persona = visit.personas.all.get(key)
    if said != "yes":
        await _replace(callback, visit, say(visit.locale, "age.declined"))
    elif callback.message is not None:
        await ratings.confirm_age(visit.connection, visit.user.user_id)
        await _replace(callback, visit, say(visit.locale, "age.confirmed"))
        if persona is None:
            await offer(visit, say(visit.locale, "gallery.choose"))
        else:
            await meet(visit, persona)
    return AnswerCallbackQuery(callback_query_id=callback.id)


async def _replace(callback: CallbackQuery, visit: Visit, words: str) -> None:
    """The question goes with its buttons: it is answered once."""
    if callback.message is not None:
        await visit.send([ChatEdit(callback.message.message_id, words)])


async def is_answer(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(AGE)


def register(routes: Router) -> None:
    routes.callback_query.register(answer, is_answer)
