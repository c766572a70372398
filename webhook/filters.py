"""Which handler is an event for? Coroutines, because aiogram sends what is not one through a thread, each time."""

from aiogram.types import CallbackQuery, ChatMemberUpdated, Message, MessageGenerationStopped

from jobs.companion.operating.bot_settings import BotSettings


async def private(event: Message | ChatMemberUpdated | MessageGenerationStopped) -> bool:
    return event.chat.type == "private"


async def words(message: Message) -> bool:
    return bool(message.text) and not await any_command(message)


async def any_command(message: Message) -> bool:
    return (message.text or "").startswith("/")


async def admin(event: Message | CallbackQuery, rules: BotSettings) -> bool:
    return event.from_user is not None and event.from_user.id in rules.admins
