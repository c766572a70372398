"""The button of a picture's progress: it is not wanted any more, and what was paid for it comes back."""

from uuid import UUID

from aiogram import Router
from aiogram.methods import AnswerCallbackQuery
from aiogram.types import CallbackQuery

from jobs.companion.messages.outbox import ChatDelete, ChatText
from jobs.companion.messages.reply_buttons import job_of
from jobs.companion.picture_progress import CANCEL
from jobs.companion.wallet.accounts import Sum
from jobs.companion.wallet.wording import refund_sentence
from jobs.companion.wording import say
from jobs.db.people import wallet as ledger
from jobs.db.people.wallet import Charge
from jobs.db.work import jobs as job_rows
from jobs.errors import NotFound
from jobs.owners import of_person
from webhook.visit import Visit


async def cancel(callback: CallbackQuery, visit: Visit) -> AnswerCallbackQuery:
    job_id = job_of(callback.data or "", CANCEL)
    stopping, stopped = say(visit.locale, "picture.stopping"), say(visit.locale, "picture.stopped")
    words = await call_off(visit, job_id, stopping, stopped) if job_id else None
    if words is None and callback.message:
        # a message that outlived its picture promises what nothing can keep
        await visit.send([ChatDelete(of=callback.message.message_id)])
    return AnswerCallbackQuery(callback_query_id=callback.id, text=words or say(visit.locale, "picture.ended"))


async def call_off(visit: Visit, job_id: UUID, stopping: str, stopped: str) -> str | None:
    """What to say: that it will be, or that it is. None where there is nothing to cancel any more."""
    before = await job_rows.get(visit.connection, job_id)
    if before is None or before.status not in ("pending", "processing"):
        return None
    paid = await ledger.open_charges(visit.connection, job_id)
    try:
        job = await visit.intake.cancel(visit.connection, job_id, of_person(visit.user.user_id))
    except NotFound:
        return None
    if job.status != "cancelled":
        # whoever runs it tells how it ended
        return stopping
    if job.ran_at is None:
        # of one that waited for what hangs below it, its end has told already
        back = await _given_back(visit, job_id, paid)
        await visit.send([ChatText(f"{stopped} {refund_sentence(visit.locale, back)}".strip())])
    return stopped


async def _given_back(visit: Visit, job_id: UUID, paid: list[Charge]) -> list[Sum]:
    still = await ledger.open_charges(visit.connection, job_id)
    return [Sum(each.unit, each.amount) for each in paid if each not in still]  # type: ignore[arg-type] # only money is charged


async def is_cancel(callback: CallbackQuery) -> bool:
    return (callback.data or "").startswith(CANCEL)


def register(routes: Router) -> None:
    routes.callback_query.register(cancel, is_cancel)
