"""The button below a picture that sends it as it was drawn: Telegram makes photos smaller than they are."""

from uuid import UUID

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.companion.messages.outbox import ChatDocument
from jobs.companion.wording import say
from jobs.db.files import media
from jobs.kinds.chat_picture import ORIGINAL
from jobs.owners import of_person
from webhook.visit import Visit

SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


async def send_original(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    media_id = _media_id(callback.data or "")
    file = await media.get(visit.connection, media_id) if media_id else None
    # whose it is not learns nothing by asking
    if file is None or file.owner != of_person(visit.user.user_id):
        return AnswerCallbackQuery(
            callback_query_id=callback.id, text=say(visit.locale, "original.gone"), show_alert=True
        )
    name = f"{say(visit.locale, 'original.name')}-{file.id.hex[:8]}.{SUFFIXES.get(file.content_type, 'bin')}"
    await visit.send([ChatDocument(file.id, name)])
    return AnswerCallbackQuery(callback_query_id=callback.id, text=say(visit.locale, "original.coming"))


def _media_id(data: str) -> UUID | None:
    try:
        return UUID(data.removeprefix(ORIGINAL))
    except ValueError:
        return None


async def is_original(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(ORIGINAL)


def register(routes: Router) -> None:
    routes.callback_query.register(send_original, is_original)
