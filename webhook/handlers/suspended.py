"""Somebody who is suspended: they were told when it happened, and nothing more is accepted. Payments pass before."""

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message, TelegramObject

from webhook.visit import Visit


async def is_suspended(event: TelegramObject, visit: Visit) -> bool:
    del event
    return visit.user.suspended


async def stay_silent(message: Message) -> None:
    del message


async def release_button(callback: CallbackQuery) -> AnswerCallbackQuery:
    return AnswerCallbackQuery(callback_query_id=callback.id)


def register(routes: Router) -> None:
    routes.message.register(stay_silent, is_suspended)
    routes.callback_query.register(release_button, is_suspended)
