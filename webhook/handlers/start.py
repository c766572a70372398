"""/start, alone or with a persona's name from a deep link, and /help."""

from aiogram import Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import Message

from jobs.companion.operating.registration import COMMANDS
from jobs.companion.wording import say
from webhook.meeting import meet, offer
from webhook.visit import Visit


async def start(message: Message, command: CommandObject, visit: Visit) -> None:
    """A name opens the conversation at once; without one, or with one that nobody has, people choose."""
    persona = visit.personas.all.get((command.args or "").strip().lower())
    if persona is not None:
        await meet(visit, persona)
        return
    first_name = message.from_user.first_name if message.from_user else ""
    await offer(visit, say(visit.locale, "start.welcome", comma_name=f", {first_name}" if first_name else ""))


async def explain(message: Message, visit: Visit) -> None:
    del message
    lines = [f"/{name} — {say(visit.locale, f'command.{name}')}" for name in COMMANDS]
    await visit.say("help", commands="\n".join(lines))


def register(routes: Router) -> None:
    # in a private chat a command can only mean us; to compare the name, aiogram would ask Telegram for ours
    routes.message.register(start, CommandStart(ignore_mention=True))
    routes.message.register(explain, Command("help", ignore_mention=True))
