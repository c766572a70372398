"""/generate <text>: a picture of what the text describes."""

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.methods import SendChatAction
from aiogram.types import Message

from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.errors import Misconfigured
from webhook.handlers.balance import tell_shortage
from webhook.visit import Visit

LONGEST_PROMPT = 2000


async def generate(message: Message, command: CommandObject, visit: Visit, wallet: Wallet) -> SendChatAction | None:
    prompt = (command.args or "").strip()
    if not prompt:
        await visit.say("generate.usage")
        return None
    if len(prompt) > LONGEST_PROMPT:
        await visit.say("generate.too_long", length=len(prompt), limit=LONGEST_PROMPT)
        return None
    try:
        await visit.submit(visit.new_job("generate_image", {"prompt": prompt}))
    except InsufficientFunds as short:
        await tell_shortage(visit, wallet, short)
        return None
    except Misconfigured:
        await visit.say("images_unavailable")
        return None
    return SendChatAction(chat_id=message.chat.id, action="upload_photo")


def router() -> Router:
    routes = Router(name="generate")
    routes.message.register(generate, Command("generate", ignore_mention=True))
    return routes
