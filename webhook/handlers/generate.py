"""/generate <text>: a picture of what the text describes, in the style of the conversation's persona; /draw <text>: the
same in nobody's style.
"""

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.methods import SendChatAction
from aiogram.types import Message

from jobs.companion import picture_progress
from jobs.companion.messages.outbox import ChatText
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.dialog import dialog_pictures
from jobs.errors import Misconfigured
from jobs.kinds.contract import NewJob
from webhook.handlers.balance import tell_shortage
from webhook.visit import Visit

LONGEST_PROMPT = 2000


async def generate(message: Message, command: CommandObject, visit: Visit, wallet: Wallet) -> SendChatAction | None:
    prompt = await _described(command, visit, say(visit.locale, "generate.usage"))
    if prompt is None:
        return None
    persona = await _persona(visit)
    if persona is None:
        return await _begin(message, visit, wallet, visit.new_job("generate_image", {"prompt": prompt}))
    given = {"prompt": prompt, "persona": persona}
    # a new one each time, unlike a photo of the conversation's moment: so the input names no dialog
    new = visit.new_job("generate_image", given, dialog_id=visit.user.dialog_id)
    return await _begin(message, visit, wallet, new)


async def draw(message: Message, command: CommandObject, visit: Visit, wallet: Wallet) -> SendChatAction | None:
    prompt = await _described(command, visit, say(visit.locale, "draw.usage"))
    if prompt is None:
        return None
    return await _begin(message, visit, wallet, visit.new_job("generate_image", {"prompt": prompt}))


async def _described(command: CommandObject, visit: Visit, usage: str) -> str | None:
    """What to draw; None, and the reason is told, where that cannot be done."""
    prompt = (command.args or "").strip()
    if not prompt:
        await visit.send([ChatText(usage)])
        return None
    if len(prompt) > LONGEST_PROMPT:
        await visit.say("generate.too_long", length=len(prompt), limit=LONGEST_PROMPT)
        return None
    return prompt


async def _persona(visit: Visit) -> str | None:
    """Whose style it is; nobody's before the first conversation, and of one who may not be talked to any more."""
    if visit.user.dialog_id is None:
        return None
    key = await dialog_pictures.persona_of(visit.connection, visit.user.dialog_id)
    return key if key in [each.key for each in await visit.allowed_personas()] else None


async def _begin(message: Message, visit: Visit, wallet: Wallet, new: NewJob) -> SendChatAction | None:
    try:
        job = await visit.submit(new)
    except InsufficientFunds as short:
        await tell_shortage(visit, wallet, short)
        return None
    except Misconfigured:
        await visit.say("images_unavailable")
        return None
    expected = await picture_progress.outlook(visit.connection, job)
    await picture_progress.tell_wait(visit.connection, job, expected)
    return SendChatAction(chat_id=message.chat.id, action="upload_photo")


def register(routes: Router) -> None:
    routes.message.register(generate, Command("generate", ignore_mention=True))
    routes.message.register(draw, Command("draw", ignore_mention=True))
