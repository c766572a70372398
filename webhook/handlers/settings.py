"""/settings: language, pictures, reports, and the confirmation of age, in one message that changes as one presses."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message

from jobs.companion.messages.outbox import ChatEdit, ChatText
from jobs.companion.preferences import LANGUAGES, SETTINGS, Choices, buttons, words
from jobs.db.analyses import report_preferences
from jobs.db.people import consents, preferences
from jobs.owners import of_person
from jobs.safety import ratings
from webhook.handlers import report_settings
from webhook.visit import Visit


async def show(message: Message, visit: Visit) -> None:
    del message
    chosen = await choices(visit)
    await visit.send([ChatText(words(chosen), buttons(chosen))])


async def change(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    """Each button says what shall be, not what shall change: pressed twice, it is done once."""
    what, _, to = (callback.data or "").removeprefix(SETTINGS).partition(":")
    user_id = visit.user.user_id
    if what == "locale" and to in LANGUAGES:
        await preferences.set_locale(visit.connection, user_id, to)
        visit.locale = to
    elif what == "pictures":
        await preferences.set_auto_pictures(visit.connection, user_id, wanted=to == "on")
    elif what == "age" and to == "yes" and asks_age(visit):
        await ratings.confirm_age(visit.connection, user_id)
    elif what == "age" and to == "no":
        await consents.revoke_age(visit.connection, user_id)
    refused = await report_settings.change(visit, what, to)
    chosen = await choices(visit)
    if callback.message is not None:
        await visit.send([ChatEdit(callback.message.message_id, words(chosen), buttons(chosen))])
    return AnswerCallbackQuery(callback_query_id=callback.id, text=refused)


async def choices(visit: Visit) -> Choices:
    known = await preferences.read(visit.connection, visit.user.user_id)
    asked = asks_age(visit)
    since = None
    if asked:
        since = await consents.age_confirmed_at(visit.connection, visit.user.user_id, ratings.AGE_POLICY)
    reports = await report_preferences.read(visit.connection, of_person(visit.user.user_id))
    return Choices(visit.locale, known.auto_pictures, asked, since, reports)


def asks_age(visit: Visit) -> bool:
    """Whether anybody is here whom one may talk to only when one is of age."""
    return any(ratings.needs_age(persona) for persona in visit.personas.all.values())


async def is_setting(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(SETTINGS)


def register(routes: Router) -> None:
    routes.message.register(show, Command("settings", ignore_mention=True))
    routes.callback_query.register(change, is_setting)
