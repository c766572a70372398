"""Which handler is an event for? Coroutines, because aiogram sends what is not one through a thread, each time."""

from aiogram.types import ChatMemberUpdated, Message


async def private(event: Message | ChatMemberUpdated) -> bool:
    return event.chat.type == "private"


async def words(message: Message) -> bool:
    return bool(message.text) and not await any_command(message)


async def any_command(message: Message) -> bool:
    return (message.text or "").startswith("/")
