"""The buttons of an analysis to be: what to look for, compare, cancel; and the one that stops a comparison."""

from uuid import UUID

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.analysis.asked import LOOKS_FOR
from jobs.analysis.entering import LONGEST_TITLE, Asked, enter
from jobs.companion.analyses import analysis_collecting, analysis_progress
from jobs.companion.analyses.analysis_panel import ANALYSIS, LEAST_FILES
from jobs.companion.analyses.analysis_progress import STOP
from jobs.companion.messages.outbox import ChatButtons, ChatDelete
from jobs.companion.messages.reply_buttons import job_of
from jobs.companion.messages.text_limits import shortened
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.analyses import comparisons
from jobs.db.chats import chat_analyses as rows
from jobs.db.chats.chat_analyses import Collection
from jobs.owners import of_person
from webhook.handlers.analyze import require_room, want
from webhook.handlers.balance import tell_shortage
from webhook.handlers.picture_cancel import call_off
from webhook.visit import Visit


async def press(callback: CallbackQuery, visit: Visit, wallet: Wallet) -> AnswerCallbackQuery:
    identity, _, what = (callback.data or "").removeprefix(ANALYSIS).partition(":")
    found = await rows.hold_open(visit.connection, visit.user.user_id)
    if found is None or found.id.hex != identity:
        if callback.message is not None:
            await visit.send([ChatButtons(callback.message.message_id)])
        return _answer(callback, say(visit.locale, "analysis.gone"))
    if what == "cancel":
        return _answer(callback, await _cancel(visit, found))
    if what == "compare":
        words = await _compare(visit, wallet, found)
        return _answer(callback, words, alert=words is not None)
    if what == "collect":
        found = await want(visit, found)
    else:
        found = await _toggled(visit, found, what)
    await analysis_collecting.redraw(visit.connection, found, wallet)
    return _answer(callback)


async def _toggled(visit: Visit, found: Collection, what: str) -> Collection:
    to, _, name = what.partition(":")
    if name not in LOOKS_FOR or to not in ("on", "off"):
        return found
    wanted = {*found.looks_for, name} if to == "on" else {*found.looks_for} - {name}
    return await rows.change(visit.connection, found.id, looks_for=[each for each in LOOKS_FOR if each in wanted])


async def _cancel(visit: Visit, found: Collection) -> str:
    """Who fetches its files looks before each. What is being read is read to its end, and there when it comes again."""
    closed = await rows.change(visit.connection, found.id, status="cancelled")
    await analysis_collecting.redraw(visit.connection, closed, None)
    return say(visit.locale, "analysis.cancelled")


async def _compare(visit: Visit, wallet: Wallet, found: Collection) -> str | None:
    """Why it cannot be begun; None where it has begun, or the reason is told in the chat."""
    if found.is_fetching:
        # whoever fetched them may have been stopped
        await want(visit, found)
        return say(visit.locale, "analysis.still_coming")
    if len(found.usable) < LEAST_FILES:
        return say(visit.locale, "analysis.too_few")
    if not (found.looks_for or found.question):
        return say(visit.locale, "analysis.nothing_asked")
    await require_room(visit, found)
    try:
        async with visit.connection.begin_nested():
            comparison_id = await _begin(visit, found)
    except InsufficientFunds as short:
        await tell_shortage(visit, wallet, short)
        return None
    begun = await rows.change(visit.connection, found.id, status="begun", comparison_id=comparison_id)
    await analysis_collecting.redraw(visit.connection, begun, None)
    return None


async def _begin(visit: Visit, found: Collection) -> UUID:
    """Raises InsufficientFunds, and Blocked."""
    asked = Asked(_title(found), found.usable, found.looks_for, found.question, spoken=visit.locale)
    comparison_id = await enter(visit.connection, of_person(visit.user.user_id), asked)
    new = visit.new_job("run_ollama_analysis", {"comparison_id": str(comparison_id)})
    job = await visit.intake.submit(visit.connection, new)
    await comparisons.set_job(visit.connection, comparison_id, job.id)
    await analysis_progress.begin(visit.connection, job)
    return comparison_id


def _title(found: Collection) -> str:
    names = [each.file_name for each in found.files if each.document_id in found.usable]
    return shortened(", ".join(names), LONGEST_TITLE)


async def stop(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    job_id = job_of(callback.data or "", STOP)
    stopping, stopped = say(visit.locale, "analysis.stopping"), say(visit.locale, "analysis.stopped")
    words = await call_off(visit, job_id, stopping, stopped) if job_id else None
    if words is None and callback.message:
        await visit.send([ChatDelete(of=callback.message.message_id)])
    return _answer(callback, words or say(visit.locale, "analysis.ended"))


def _answer(callback: CallbackQuery, words: str | None = None, *, alert: bool = False) -> AnswerCallbackQuery:
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words, show_alert=alert or None)


async def is_analysis(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(ANALYSIS)


async def is_stop(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(STOP)


def register(routes: Router) -> None:
    routes.callback_query.register(press, is_analysis)
    routes.callback_query.register(stop, is_stop)
