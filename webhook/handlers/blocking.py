"""A person blocks the bot, or lets it in again."""

from aiogram import Router
from aiogram.enums import ChatMemberStatus
from aiogram.types import ChatMemberUpdated

from jobs import blocking
from webhook.visit import Visit


async def membership(event: ChatMemberUpdated, visit: Visit) -> None:
    user_id = visit.user.user_id
    if event.new_chat_member.status == ChatMemberStatus.KICKED:
        await blocking.block(visit.connection, visit.intake, user_id)
    else:
        await blocking.let_in(visit.connection, user_id)


def register(routes: Router) -> None:
    routes.my_chat_member.register(membership)
