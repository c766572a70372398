"""What a person hears when a rule or a limit refuses what they asked for. Whatever handler it was has done nothing."""

from typing import Any

from jobs.companion.age_question import age_question
from jobs.companion.messages.outbox import ChatText
from jobs.db.people import blocks
from jobs.errors import PostgenError
from jobs.owners import of_person
from jobs.safety.blocked import Blocked
from jobs.safety.ratings import AgeNotConfirmed
from webhook.limits import LimitReached, is_to_be_told
from webhook.visit import Visit

REFUSALS = (Blocked, AgeNotConfirmed, LimitReached)


async def tell(visit: Visit, refusal: PostgenError, update: dict[str, Any]) -> dict[str, Any] | None:
    """In a transaction of its own. The call that Telegram shall make when it reads our answer, if any."""
    if isinstance(refusal, LimitReached):
        return await _tell_limit(visit, refusal, update.get("callback_query"))
    if isinstance(refusal, Blocked):
        noted = refusal.noted(of_person(visit.user.user_id))
        if await blocks.note(visit.connection, [noted], visit.intake.blocks_limit):
            await visit.say("suspended")
        else:
            await visit.say("failed.content_blocked")
    elif isinstance(refusal, AgeNotConfirmed):
        persona = visit.personas.all.get(refusal.persona)
        await visit.send([age_question(visit.locale, refusal.persona, persona.name[visit.locale] if persona else "")])
    pressed = update.get("callback_query")
    # unanswered, the button would spin for a minute
    return {"method": "answerCallbackQuery", "callback_query_id": pressed["id"]} if pressed else None


async def _tell_limit(visit: Visit, refusal: LimitReached, pressed: dict[str, Any] | None) -> dict[str, Any] | None:
    words = refusal.words(visit.locale)
    if pressed:
        return {"method": "answerCallbackQuery", "callback_query_id": pressed["id"], "text": words, "show_alert": True}
    if await is_to_be_told(visit.connection, visit.user.user_id, refusal):
        await visit.send([ChatText(words)])
    return None
