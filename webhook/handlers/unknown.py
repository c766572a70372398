"""The rest: commands that do not exist, messages that are not text, buttons of old messages."""

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message

from webhook import filters
from webhook.visit import Visit


async def command(message: Message, visit: Visit) -> None:
    name = (message.text or "").split()[0][:64]
    await visit.say("unknown_command", command=name)


async def not_text(message: Message, visit: Visit) -> None:
    del message
    await visit.say("text_only")


async def old_button(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    del visit
    # unanswered, the button would spin for a minute
    return AnswerCallbackQuery(callback_query_id=callback.id)


def register(routes: Router) -> None:
    routes.message.register(command, filters.any_command)
    routes.message.register(not_text)
    routes.callback_query.register(old_button)
