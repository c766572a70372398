"""set/get/deleteMyCommands, set/getMyName, …Description, …ShortDescription: what does the bot show of itself?"""

from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.commands import COMMAND_LIMIT
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.params import Params


def announce(bot: Bot) -> None:
    bot.events.publish("profile", {}, bot_id=bot.bot_id)


async def set_my_commands(bot: Bot, params: Params) -> Any:
    commands = params.json_array("commands", "commands")
    if commands is None:
        raise bad_request('parameter "commands" is required')
    if len(commands) > COMMAND_LIMIT:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    bot.profile.set_commands(params.json_object("scope", "scope"), params.text("language_code"), commands)
    announce(bot)
    return True


async def get_my_commands(bot: Bot, params: Params) -> Any:
    return bot.profile.commands_of(params.json_object("scope", "scope"), params.text("language_code"))


async def delete_my_commands(bot: Bot, params: Params) -> Any:
    bot.profile.delete_commands(params.json_object("scope", "scope"), params.text("language_code"))
    announce(bot)
    return True


def setter(name: str) -> Callable[[Bot, Params], Awaitable[Any]]:
    async def set_text(bot: Bot, params: Params) -> Any:
        bot.profile.set_text(name, params.text("language_code"), params.text(name))
        announce(bot)
        return True

    return set_text


def getter(name: str) -> Callable[[Bot, Params], Awaitable[Any]]:
    async def get_text(bot: Bot, params: Params) -> Any:
        return {name: bot.profile.text(name, params.text("language_code"))}

    return get_text
