"""/start, alone or with a persona's name from a deep link, and /help."""

from aiogram import Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import Message

from jobs.companion.outbox import ChatText
from jobs.companion.wording import say
from webhook.visit import Visit


async def start(message: Message, command: CommandObject, visit: Visit) -> None:
    persona = visit.persona((command.args or "").strip().lower())
    await visit.open_dialog(persona)
    first_name = message.from_user.first_name if message.from_user else ""
    welcome = say(
        visit.locale,
        "start.welcome",
        comma_name=f", {first_name}" if first_name else "",
        persona=persona.name[visit.locale],
    )
    await visit.send([ChatText(welcome), ChatText(persona.greeting[visit.locale])])


async def explain(message: Message, visit: Visit) -> None:
    del message
    await visit.say("help", persona=visit.personas.default.name[visit.locale])


def router() -> Router:
    # in a private chat a command can only mean us; to compare the name, aiogram would ask Telegram for ours
    routes = Router(name="start")
    routes.message.register(start, CommandStart(ignore_mention=True))
    routes.message.register(explain, Command("help", ignore_mention=True))
    return routes
