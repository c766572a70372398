"""The button "Get photo" below a persona's answer: a picture of what the conversation has come to."""

from uuid import uuid4

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.companion import picture_progress
from jobs.companion.messages.outbox import ChatPhoto
from jobs.companion.messages.reply_buttons import PHOTO, job_of
from jobs.companion.pictures import is_covered
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.dialog import dialog_pictures
from jobs.db.dialog.dialog_pictures import Moment
from jobs.db.queue.queue_position import Outlook
from jobs.db.work.jobs import Job
from jobs.errors import Misconfigured
from jobs.kinds.chat_picture import original_button
from jobs.kinds.contract import NewJob
from jobs.kinds.photo import photo
from jobs.lanes import away
from webhook.handlers.balance import tell_shortage
from webhook.meeting import tell_unavailable
from webhook.visit import CHAT_PRIORITY, Visit


async def press(callback: CallbackQuery, visit: Visit, wallet: Wallet) -> AnswerCallbackQuery:
    moment = await _moment(callback, visit)
    if moment is None:
        return _answer(callback, say(visit.locale, "photo.gone"), alert=True)
    if moment.persona not in [each.key for each in await visit.allowed_personas()]:
        await tell_unavailable(visit, moment.persona, say(visit.locale, "persona.gone"))
        return _answer(callback)
    if moment.on_its_way:
        return _answer(callback, say(visit.locale, "photo.on_its_way"))
    if await _sent_again(visit, moment):
        return _answer(callback, say(visit.locale, "photo.same_moment"), alert=True)
    try:
        await _begin(visit, moment)
    except InsufficientFunds as short:
        await tell_shortage(visit, wallet, short)
        return _answer(callback, say(visit.locale, "photo.short"))
    except Misconfigured:
        return _answer(callback, say(visit.locale, "images_unavailable"), alert=True)
    return _answer(callback, say(visit.locale, "photo.begun"))


async def _moment(callback: CallbackQuery, visit: Visit) -> Moment | None:
    """Of the conversation below which the button is, if it is this person's."""
    job_id = job_of(callback.data or "", PHOTO)
    dialog_id = await dialog_pictures.dialog_of_reply(visit.connection, job_id) if job_id else None
    # an answer that was written anew meanwhile has another job
    dialog_id = dialog_id or visit.user.dialog_id
    if dialog_id is None:
        return None
    return await dialog_pictures.hold(visit.connection, dialog_id, visit.user.user_id)


async def _sent_again(visit: Visit, moment: Moment) -> bool:
    """The picture of this moment, if there is one: nothing is made for it, and so it costs nothing."""
    written = await dialog_pictures.find(visit.connection, moment.dialog_id, moment.message_count)
    if written is None or written.media_id is None:
        return False
    covered = is_covered(visit.persona(moment.persona).rating)
    await visit.send([ChatPhoto(written.media_id, "", original_button(visit.locale, written.media_id), covered)])
    return True


async def _begin(visit: Visit, moment: Moment) -> None:
    """Raises InsufficientFunds, and Misconfigured where nothing can draw it; then nothing was changed."""
    persona, chat = moment.persona, visit.destination
    new = photo(moment, uuid4(), persona=persona, item="photo", destination=chat, priority=CHAT_PRIORITY)
    async with visit.connection.begin_nested():
        job = await visit.submit(new)
        await picture_progress.tell_wait(visit.connection, job, await _outlook(visit, job, persona))
        await dialog_pictures.begin(visit.connection, moment.dialog_id, job.id)
        await away.tell(visit.connection, visit.destination, job.id)


async def _outlook(visit: Visit, job: Job, persona: str) -> Outlook:
    """Of the picture that will be drawn when its prompt is written, as if it were accepted now."""
    given = {"prompt": persona, "persona": persona}
    new = NewJob("generate_image", given, job.owner, priority=job.priority, parent_id=job.id, root_id=job.id)
    trial = await visit.connection.begin_nested()
    try:
        return await picture_progress.outlook(visit.connection, await visit.intake.submit(visit.connection, new))
    finally:
        await trial.rollback()


def _answer(callback: CallbackQuery, words: str | None = None, *, alert: bool = False) -> AnswerCallbackQuery:
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words, show_alert=alert or None)


async def is_photo(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(PHOTO)


def register(routes: Router) -> None:
    routes.callback_query.register(press, is_photo)
