"""/broadcast: a message for everybody, shown as people will see it, sent once it is confirmed, stopped at any time."""

from uuid import uuid4

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message

from jobs.companion.messages.outbox import Buttons, ChatEdit, ChatText
from jobs.companion.operating.broadcast import BROADCAST, question, question_buttons, readers, standing, stop_button
from jobs.companion.wording import LOCALES, say
from jobs.db.chats import bot_state, broadcasts
from jobs.db.chats.broadcasts import Tally
from jobs.kinds.contract import NewJob
from jobs.owners import BOT
from webhook import filters
from webhook.visit import Visit

# what a person waits for goes first
BROADCAST_PRIORITY = -10


async def preview(message: Message, command: CommandObject, visit: Visit) -> None:
    """The text behind the command, or of the message that the command answers."""
    words = (command.args or "").strip()
    answered = message.reply_to_message
    if not words and answered is not None:
        words = (answered.text or "").strip()
    if not words:
        await visit.say("broadcast.usage")
        return
    broadcast_id = await broadcasts.draft(visit.connection, visit.user.user_id, words)
    people = await broadcasts.count(visit.connection, readers(None))
    asked = ChatText(question(visit.locale, None, people), question_buttons(visit.locale, broadcast_id, None))
    await visit.send([ChatText(words), asked])


async def press(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    what, number, locale = [*(callback.data or "").removeprefix(BROADCAST).split(":"), "", ""][:3]
    done = False
    if callback.message is not None and number.isascii() and number.isdigit() and len(number) < 19:
        place = callback.message.message_id
        if what == "for":
            done = await _choose(visit, int(number), place, locale if locale in LOCALES else None)
        elif what == "send":
            done = await _send(visit, int(number), place)
        elif what == "discard":
            done = await _discard(visit, int(number), place)
        elif what == "stop":
            done = await _stop(visit, int(number))
    words = None if done else say(visit.locale, "broadcast.over")
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words)


async def _choose(visit: Visit, broadcast_id: int, place: int, locale: str | None) -> bool:
    if not await broadcasts.choose_readers(visit.connection, broadcast_id, locale):
        return False
    people = await broadcasts.count(visit.connection, readers(None))
    await _show(
        visit, place, question(visit.locale, locale, people), question_buttons(visit.locale, broadcast_id, locale)
    )
    return True


async def _send(visit: Visit, broadcast_id: int, place: int) -> bool:
    """Pressed twice, or by two admins, it begins once."""
    found = await broadcasts.get(visit.connection, broadcast_id)
    if found is None:
        return False
    people = sum((await broadcasts.count(visit.connection, readers(found.locale))).values())
    job_id = uuid4()
    if not await broadcasts.start(visit.connection, broadcast_id, people=people, message_id=place, job_id=job_id):
        return False
    given = {"broadcast_id": broadcast_id}
    new = NewJob("broadcast", given, BOT, id=job_id, priority=BROADCAST_PRIORITY)
    await visit.intake.submit(visit.connection, new)
    await bot_state.log_act(visit.connection, visit.user.user_id, "broadcast", str(broadcast_id), people=people)
    beginning = standing(visit.locale, "running", Tally(sent=0, blocked=0, failed=0, left=people))
    await _show(visit, place, beginning, stop_button(visit.locale, broadcast_id))
    return True


async def _discard(visit: Visit, broadcast_id: int, place: int) -> bool:
    await broadcasts.discard(visit.connection, broadcast_id)
    found = await broadcasts.get(visit.connection, broadcast_id)
    if found is None or found.status != "stopped" or found.job_id is not None:
        return False
    await _show(visit, place, say(visit.locale, "broadcast.discarded"))
    return True


async def _stop(visit: Visit, broadcast_id: int) -> bool:
    """What Telegram is being told at this moment still arrives; nothing after it."""
    found = await broadcasts.stop(visit.connection, broadcast_id)
    if found is None or found.job_id is None:
        return False
    await visit.intake.cancel(visit.connection, found.job_id, BOT)
    await broadcasts.withdraw(visit.connection, found.job_id)
    await bot_state.log_act(visit.connection, visit.user.user_id, "broadcast stopped", str(broadcast_id))
    return True


async def _show(visit: Visit, place: int, words: str, buttons: Buttons = ()) -> None:
    await visit.send([ChatEdit(place, words, buttons)])


async def is_broadcast(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(BROADCAST)


def register(routes: Router) -> None:
    routes.message.register(preview, filters.admin, Command("broadcast", ignore_mention=True))
    routes.callback_query.register(press, filters.admin, is_broadcast)
