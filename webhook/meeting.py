"""How a person comes to talk with a persona: the gallery, a new conversation, or the one that there was before."""

from collections.abc import Sequence

from jobs.companion.gallery import Gallery
from jobs.companion.messages.greeting import greeting_of
from jobs.companion.messages.outbox import ChatButtons, ChatText, Message
from jobs.companion.personas import Persona
from jobs.companion.wording import say
from jobs.db.dialog import dialog_list, dialog_replies
from jobs.db.dialog.dialog_list import Listed
from jobs.safety import ratings
from webhook.visit import Visit

LONGEST_QUOTE = 600


async def gallery_for(visit: Visit) -> Gallery:
    allowed = await visit.allowed_personas()
    # whom people meet who have not chosen is on the first card, not somewhere among them
    allowed = sorted(allowed, key=lambda each: each is not visit.personas.default)
    return Gallery(visit.locale, allowed, more_for_adults=len(allowed) < len(visit.personas.all))


async def offer(visit: Visit, words: str) -> None:
    """The gallery, below a sentence that says why. Raises AgeNotConfirmed where everybody in it is for adults."""
    gallery = await gallery_for(visit)
    if gallery.personas:
        await visit.send([ChatText(words), gallery.card(first_of(visit, gallery.personas))])
    elif gallery.more_for_adults:
        raise for_adults()
    else:
        await visit.say("gallery.empty")


def first_of(visit: Visit, allowed: Sequence[Persona]) -> Persona:
    """Whom people meet who have not chosen."""
    return next((each for each in allowed if each is visit.personas.default), allowed[0])


async def meet(visit: Visit, persona: Persona) -> None:
    """Go on with this persona where that was left, or begin. Raises AgeNotConfirmed."""
    if persona not in await visit.allowed_personas():
        raise for_adults(persona)
    before = await dialog_list.with_persona(visit.connection, visit.user.user_id, persona.key)
    await (begin(visit, persona) if before is None else go_on(visit, persona, before))


async def begin(visit: Visit, persona: Persona) -> None:
    left = await _leave(visit)
    await visit.open_dialog(persona, persona.greeting[visit.locale])
    await visit.send([*greeting_of(persona, visit.locale), *left])


async def go_on(visit: Visit, persona: Persona, dialog: Listed) -> None:
    left = await _leave(visit, for_dialog=dialog.id)
    await dialog_list.resume(visit.connection, visit.user.user_id, dialog.id)
    # nothing was said yet: this is still the beginning
    begun = dialog.message_count > 0
    words = [await _reminder(visit, persona, dialog)] if begun else greeting_of(persona, visit.locale)
    await visit.send([*words, *left])


async def _reminder(visit: Visit, persona: Persona, dialog: Listed) -> ChatText:
    name = persona.name[visit.locale]
    said = await dialog_list.last_words(visit.connection, dialog.id)
    if said is None:
        return ChatText(say(visit.locale, "dialog.continued", persona=name))
    quote = said if len(said) <= LONGEST_QUOTE else f"{said[:LONGEST_QUOTE].rstrip()}…"
    return ChatText(say(visit.locale, "dialog.continued_after", persona=name, words=quote))


async def _leave(visit: Visit, for_dialog: int | None = None) -> list[Message]:
    """What takes the buttons from a conversation that is not the current one any more."""
    if visit.user.dialog_id is None or visit.user.dialog_id == for_dialog:
        return []
    key = await dialog_replies.take_buttons(visit.connection, visit.user.dialog_id)
    return [ChatButtons(key)] if key else []


async def tell_unavailable(visit: Visit, key: str, words: str) -> None:
    """The persona of a conversation cannot be talked to now: why, and who else is there. Raises AgeNotConfirmed."""
    persona = visit.personas.all.get(key)
    if persona is not None and ratings.needs_age(persona):
        raise for_adults(persona)
    await offer(visit, words)


def for_adults(persona: Persona | None = None) -> ratings.AgeNotConfirmed:
    name, key = (persona.name["en"], persona.key) if persona else ("Whoever else is here", "")
    return ratings.AgeNotConfirmed(f"{name} is for adults: confirm your age first.", persona=key)


async def current_dialog(visit: Visit) -> Listed | None:
    if visit.user.dialog_id is None:
        return None
    return await dialog_list.get(visit.connection, visit.user.user_id, visit.user.dialog_id)
