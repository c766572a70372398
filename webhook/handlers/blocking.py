"""A person blocks the bot, or lets it in again."""

from aiogram import Router
from aiogram.enums import ChatMemberStatus
from aiogram.types import ChatMemberUpdated

from jobs.db import telegram_users
from webhook.visit import Visit


async def membership(event: ChatMemberUpdated, visit: Visit) -> None:
    blocked = event.new_chat_member.status == ChatMemberStatus.KICKED
    await telegram_users.set_blocked(visit.connection, visit.user.user_id, blocked=blocked)


def router() -> Router:
    routes = Router(name="blocking")
    routes.my_chat_member.register(membership)
    return routes
