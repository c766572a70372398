"""A job has ended: who is told, and what is let go that was kept for a result which will not come."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion import picture_progress
from jobs.companion.messages.outbox import ChatText, Message, send_to_chat
from jobs.companion.quiet import is_quiet
from jobs.companion.wallet.accounts import Sum, Wallet
from jobs.companion.wallet.wording import refund_sentence
from jobs.companion.wording import has_text, locale_of, say
from jobs.db.dialog import dialogs
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.imaging.letting_go import let_go
from jobs.webhooks.plan import announce


async def send(connection: AsyncConnection, job: Job, messages: Sequence[Message], *, occasion: str = "") -> None:
    """To the chat in which the job was asked for, if it was in one. `occasion`: when it sends more than once."""
    chat = job.destination.get("telegram")
    if chat and messages:
        key = f"job:{job.id}:{job.retries}{occasion}"
        await send_to_chat(connection, int(chat["chat_id"]), messages, key=key, job_id=job.id)


async def without_result(connection: AsyncConnection, wallet: Wallet, job: Job, *, occasion: str = "") -> None:
    """What was kept for it is let go, and whoever waits is told."""
    if job.dialog_id is not None:
        await dialogs.release(connection, job.dialog_id, job.id)
    await let_go(connection, job)
    await announce(connection, job, f"job.{job.status}")
    if await _has_open_tree(connection, job):
        # the root pays, and speaks of what it cannot do without; a step that was given up is nobody's news
        spoken = "" if job.critical or job.status == "cancelled" else sentence(job)
    else:
        refunded = await wallet.refund_job(connection, job)
        spoken = f"{sentence(job)} {refund_sentence(locale_of(job.destination), refunded)}".strip()
    await picture_progress.clear(connection, job)
    if spoken and not is_quiet(job.destination):
        await send(connection, job, [ChatText(spoken)], occasion=occasion)


async def of_tree(connection: AsyncConnection, wallet: Wallet, root: Job, *, in_vain: bool) -> None:
    """A root and all its steps. `in_vain`: not one of them had a result, and what was paid comes back."""
    if root.status != "completed":
        await without_result(connection, wallet, root, occasion=":end")
        return
    refunded: list[Sum] = await wallet.refund_job(connection, root) if in_vain else []
    await announce(connection, root, "job.completed")
    words = refund_sentence(locale_of(root.destination), refunded)
    if words and not is_quiet(root.destination):
        await send(connection, root, [ChatText(words)], occasion=":end")


async def _has_open_tree(connection: AsyncConnection, job: Job) -> bool:
    if job.root_id is None:
        return False
    root = await job_rows.get(connection, job.root_id)
    return root is not None and root.waits_for_steps


def sentence(job: Job) -> str:
    locale = locale_of(job.destination)
    code = (job.error or {}).get("code", "")
    keys = [job.status] if job.status != "failed" else [f"failed.{code}", f"failed.{job.kind}", "failed.other"]
    return say(locale, next(key for key in keys if has_text(locale, key)))
