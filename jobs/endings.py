"""How a job ends, or waits for its next try: everything that follows from that is one transaction."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.outbox import ChatText, Message, send_to_chat
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wallet.wording import refund_sentence, shortage_message
from jobs.companion.wording import has_text, say
from jobs.db import dialogs, provider_calls
from jobs.db import jobs as job_rows
from jobs.db import lanes as lane_rows
from jobs.db.commit import commit
from jobs.db.jobs import Job, Json
from jobs.enqueue import enqueue, withdraw
from jobs.errors import PermanentError, TemporaryError
from jobs.kinds import registry
from jobs.kinds.contract import NewJob, Outcome
from jobs.lanes.fairness import ticket_priority
from jobs.resources import Resources
from jobs.submit import ticket
from jobs.webhooks.plan import announce, is_told

LONGEST_BACKOFF = 60.0
OVERDUE_AT_A_TIME = 100


async def complete(resources: Resources, job: Job, outcome: Outcome) -> None:
    result = outcome.result.model_dump(mode="json")
    alone = outcome.save is None and not job.destination and not is_told(job) and not resources.calls

    async def write(connection: AsyncConnection) -> None:
        done = await job_rows.finish(
            connection,
            job,
            "completed",
            result=result,
            usage=summed(job.usage, outcome.usage),
            ttl=resources.result_ttl,
        )
        if done is None:
            return  # another run holds the job now, or an earlier try of this commit went through
        await provider_calls.insert(connection, resources.calls)
        messages = list(outcome.messages)
        if outcome.save:
            for following in await outcome.save(connection):
                short = await _follow(connection, resources, following)
                messages += [short] if short else []
        await _tell(connection, done, messages)

    await commit(resources.database, write, alone=alone)
    if outcome.tidy:
        await outcome.tidy()


async def fail_for_now(resources: Resources, job: Job, error: TemporaryError) -> None:
    before = int(job.setbacks.get(error.code, 0))
    forgiven = error.forgiven is None or before < error.forgiven
    failures = job.failures if forgiven else job.failures + 1
    if not forgiven and (error.final or failures >= registry.find(job.kind).ATTEMPTS):
        await end(resources, job, "failed", error.as_json(), error.usage)
        return
    setbacks = {**job.setbacks, error.code: before + 1} if forgiven else job.setbacks
    usage = summed(job.usage, error.usage)
    wait = error.retry_in if error.retry_in is not None else _backoff(job.failures + sum(job.setbacks.values()))
    data = {"error": error.as_json(), "retry_in": round(wait, 1)}

    async def write(connection: AsyncConnection) -> None:
        waiting = await job_rows.retry_later(connection, job, data, failures=failures, setbacks=setbacks, usage=usage)
        if waiting is None:
            # cancelled meanwhile, or no longer ours: then this changes nothing
            await _end_in(connection, resources, job, "cancelled", None, error.usage)
        else:
            await provider_calls.insert(connection, resources.calls)
            due = datetime.now(UTC) + timedelta(seconds=wait)
            queue = await resources.intake.queue_for_retry(connection, job, elsewhere=error.elsewhere)
            # it had its turn, and on another lane that is the one which is served there now
            turn = job.turn if queue == job.queue else await lane_rows.current_turn(connection, queue)
            [ticket_id] = await enqueue(connection, [ticket(job.id, queue, ticket_priority(job.priority, turn), due)])
            await job_rows.set_ticket(connection, job.id, ticket_id, queue, turn)
            await announce(connection, waiting, "job.retrying")

    await commit(resources.database, write)


async def end(
    resources: Resources, job: Job, status: str, error: Json | None, usage: Mapping[str, float] | None = None
) -> None:
    """End without a result, and say so where the result was awaited. `usage`: what this run had cost."""

    await commit(resources.database, lambda connection: _end_in(connection, resources, job, status, error, usage or {}))


async def _end_in(
    connection: AsyncConnection,
    resources: Resources,
    job: Job,
    status: str,
    error: Json | None,
    usage: Mapping[str, float],
) -> None:
    done = await job_rows.finish(
        connection, job, status, error=error, usage=summed(job.usage, usage), ttl=resources.result_ttl
    )
    if done is None:
        return
    await provider_calls.insert(connection, resources.calls)
    if job.model is not None and usage.get("gpu_seconds"):
        await lane_rows.record_render(
            connection,
            queue=job.queue,
            job_id=job.id,
            workflow=job.workflow or "",
            model=job.model,
            outcome=error["code"] if error else status,
            seconds=usage["gpu_seconds"],
            load_seconds=0.0,
        )
    await _after_end(connection, resources.intake.wallet, done)


async def _after_end(connection: AsyncConnection, wallet: Wallet, job: Job) -> None:
    """Without a result: what was kept for it is let go, and whoever waits is told."""
    if job.dialog_id is not None:
        await dialogs.release(connection, job.dialog_id, job.id)
    refunded = await wallet.refund_job(connection, job)
    await _tell(connection, job, [ChatText(f"{_sentence(job)} {refund_sentence(_locale(job), refunded)}".strip())])


async def _follow(connection: AsyncConnection, resources: Resources, following: NewJob) -> ChatText | None:
    """What to say where it cannot be paid: then it is not begun, and the dialog does not wait for it."""
    try:
        await resources.intake.submit(connection, following)
    except InsufficientFunds as short:
        if following.dialog_id is not None:
            await dialogs.release(connection, following.dialog_id, following.id)
        return shortage_message(_locale(following), resources.intake.wallet, short)
    return None


async def expire_overdue(resources: Resources) -> None:
    """End what nobody started before its deadline, and say so where it was awaited."""
    while True:
        async with resources.database.transaction() as connection:
            overdue = await job_rows.overdue(connection, OVERDUE_AT_A_TIME)
            for job_id in overdue:
                ended = await job_rows.expire(connection, job_id, too_late().as_json(), resources.result_ttl)
                if ended and ended.ticket_id is not None:
                    await withdraw(connection, ended.ticket_id)
                if ended:
                    await _after_end(connection, resources.intake.wallet, ended)
        if len(overdue) < OVERDUE_AT_A_TIME:
            return


async def _tell(connection: AsyncConnection, job: Job, messages: Sequence[Message]) -> None:
    """Wherever the end of the job is awaited: its webhooks, its chat."""
    await announce(connection, job, f"job.{job.status}")
    chat = job.destination.get("telegram")
    if chat:
        key = f"job:{job.id}:{job.retries}"
        await send_to_chat(connection, int(chat["chat_id"]), messages, key=key, job_id=job.id)


def _sentence(job: Job) -> str:
    locale = _locale(job)
    code = (job.error or {}).get("code", "")
    keys = [job.status] if job.status != "failed" else [f"failed.{code}", f"failed.{job.kind}", "failed.other"]
    return say(locale, next(key for key in keys if has_text(locale, key)))


def _locale(job: Job | NewJob) -> str:
    return str(job.destination.get("telegram", {}).get("locale", "en"))


def too_late() -> PermanentError:
    return PermanentError("The deadline passed before the job was done.", code="deadline_passed", blame="platform")


def summed(before: Json, now: Mapping[str, float]) -> Json:
    """What all runs of a job cost together."""
    return {**before, **{name: round(before.get(name, 0) + used, 3) for name, used in now.items()}}


def _backoff(failures: int) -> float:
    """Full jitter, so that jobs that failed together do not come back together."""
    return random.uniform(0.5, 1.0) * min(LONGEST_BACKOFF, 2.0**failures)  # noqa: S311 - spreads load, guards nothing
