"""Whom a person talks to: /personas, the cards of the gallery, /new."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery, Message

from jobs.companion import gallery
from jobs.companion.gallery import ADULTS, MEET, SEE
from jobs.companion.messages.outbox import Button, ChatText
from jobs.companion.wording import say
from jobs.db.dialog import dialog_list
from webhook.meeting import (
    begin,
    current_dialog,
    first_of,
    for_adults,
    gallery_for,
    go_on,
    meet,
    offer,
    tell_unavailable,
)
from webhook.visit import Visit

GO_ON, CHOOSE = "dialog:", "gallery"
MOST_LISTED = 20


async def conversations(message: Message, visit: Visit) -> None:
    """The open ones, the last used first; who has none sees the gallery at once."""
    del message
    allowed = {each.key: each for each in await visit.allowed_personas()}
    known = await dialog_list.open_dialogs(visit.connection, visit.user.user_id)
    rows = []
    for each in [dialog for dialog in known if dialog.persona in allowed][:MOST_LISTED]:
        name = allowed[each.persona].name[visit.locale]
        mark = "💬 " if each.id == visit.user.dialog_id else ""
        rows.append((Button(f"{mark}{name}", f"{GO_ON}{each.id}"),))
    if not rows:
        await offer(visit, say(visit.locale, "gallery.choose"))
        return
    rows.append((Button(say(visit.locale, "gallery.all"), CHOOSE),))
    await visit.send([ChatText(say(visit.locale, "dialog.list"), tuple(rows))])


async def anew(message: Message, visit: Visit) -> None:
    """/new: with the same persona, and nothing of what was said before."""
    del message
    dialog = await current_dialog(visit)
    if dialog is None:
        await offer(visit, say(visit.locale, "gallery.choose"))
        return
    persona = visit.personas.all.get(dialog.persona)
    if persona is None or persona not in await visit.allowed_personas():
        await tell_unavailable(visit, dialog.persona, say(visit.locale, "persona.gone"))
    elif dialog.message_count == 0:
        await go_on(visit, persona, dialog)
    else:
        await begin(visit, persona)


async def leaf(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    """Another card in the place of this one. Who is not there any more is passed over."""
    cards = await gallery_for(visit)
    if not cards.personas:
        return _words(callback, say(visit.locale, "gallery.empty"))
    if callback.message is None:
        return _words(callback)
    wanted = gallery.named(cards.personas, callback.data or "") or first_of(visit, cards.personas)
    has_picture = bool(getattr(callback.message, "photo", None))
    await visit.send(cards.turned(wanted, of=callback.message.message_id, has_picture=has_picture))
    return _words(callback)


async def choose(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    persona = gallery.named(visit.personas.all.values(), callback.data or "")
    if persona is None:
        await offer(visit, say(visit.locale, "persona.gone"))
    else:
        await meet(visit, persona)
    return _words(callback)


async def switch(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    number = (callback.data or "").removeprefix(GO_ON)
    dialog = None
    if number.isascii() and number.isdigit() and len(number) < 19:
        dialog = await dialog_list.get(visit.connection, visit.user.user_id, int(number))
    persona = visit.personas.all.get(dialog.persona) if dialog else None
    if dialog is None:
        await offer(visit, say(visit.locale, "dialog.gone"))
    elif persona is None or persona not in await visit.allowed_personas():
        await tell_unavailable(visit, dialog.persona, say(visit.locale, "persona.gone"))
    else:
        await go_on(visit, persona, dialog)
    return _words(callback)


async def show_all(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    await offer(visit, say(visit.locale, "gallery.choose"))
    return _words(callback)


async def show_adults(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    """The age is asked for, unless it was confirmed since this card came."""
    gallery_now = await gallery_for(visit)
    if gallery_now.more_for_adults:
        raise for_adults()
    return await show_all(callback, visit)


def _words(callback: CallbackQuery, words: str | None = None) -> AnswerCallbackQuery:
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words)


async def is_leaf(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(SEE)


async def is_choice(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(MEET)


async def is_switch(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(GO_ON)


async def is_show_all(callback: CallbackQuery) -> bool:
    return callback.data == CHOOSE


async def is_for_adults(callback: CallbackQuery) -> bool:
    return callback.data == ADULTS


def register(routes: Router) -> None:
    routes.message.register(conversations, Command("personas", ignore_mention=True))
    routes.message.register(anew, Command("new", ignore_mention=True))
    routes.callback_query.register(leaf, is_leaf)
    routes.callback_query.register(choose, is_choice)
    routes.callback_query.register(switch, is_switch)
    routes.callback_query.register(show_all, is_show_all)
    routes.callback_query.register(show_adults, is_for_adults)
