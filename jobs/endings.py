"""How a job ends, or waits for its next try: everything that follows from that is one transaction."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import ended
from jobs.companion import picture_progress
from jobs.companion.messages import delayed, refused
from jobs.companion.messages.outbox import ChatText
from jobs.companion.quiet import is_quiet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wallet.wording import shortage_message
from jobs.companion.wording import locale_of
from jobs.db.commit import commit
from jobs.db.dialog import dialogs
from jobs.db.gpu import lanes as lane_rows
from jobs.db.gpu import predictions
from jobs.db.provider import provider_calls
from jobs.db.work import job_postpone
from jobs.db.work import jobs as job_rows
from jobs.db.work import trees as tree_rows
from jobs.db.work.jobs import Job, Json
from jobs.enqueue import enqueue, withdraw
from jobs.errors import TemporaryError
from jobs.imaging.postponed import Postponed
from jobs.kinds import registry
from jobs.kinds.contract import NewJob, Outcome
from jobs.lanes.fairness import ticket_priority
from jobs.resources import Resources
from jobs.submit import ticket
from jobs.trees import counts
from jobs.trees.keeping import too_late
from jobs.trees.looking import look_after
from jobs.usage import summed
from jobs.webhooks.plan import announce, is_told

LONGEST_BACKOFF = 60.0
OVERDUE_AT_A_TIME = 100


async def complete(resources: Resources, job: Job, outcome: Outcome) -> None:
    """With children below it, a root is not completed yet: it waits for them."""
    simple = outcome.save is None and not outcome.children and not job.destination
    alone = simple and not is_told(job)

    async def write(connection: AsyncConnection) -> None:
        done = await _finished(connection, resources, job, outcome)
        if done is None:
            return  # another run holds the job now, or an earlier try of this commit went through
        messages = list(outcome.messages)
        if outcome.save:
            for following in await outcome.save(connection):
                short = await _follow(connection, resources, following)
                messages += [short] if short else []
        if outcome.children:
            await resources.intake.submit_children(connection, done, outcome.children)
        await announce(connection, done, "job.progress" if done.waits_for_steps else "job.completed")
        await ended.send(connection, done, messages)

    await commit(resources.database, write, alone=alone)
    await look_after(resources, job)
    if outcome.tidy:
        await outcome.tidy()


async def _finished(connection: AsyncConnection, resources: Resources, job: Job, outcome: Outcome) -> Job | None:
    """The job as it is with its result; None when this run no longer holds it, or its children are not wanted."""
    result, usage = outcome.result.model_dump(mode="json"), summed(job.usage, outcome.usage)
    finish = partial(
        job_rows.finish, connection, job, "completed",
        result=result, usage=usage, calls=resources.calls, ttl=resources.result_ttl,
    )  # fmt: skip
    if not outcome.children:
        return await finish()
    now = await tree_rows.hold(connection, job)
    if now is not None and now.cancel_requested_at:
        # what it would begin now, nobody would stop any more
        await _end_in(connection, resources, job, "cancelled", now.error, outcome.usage)
        return None
    if job.root_id is not None:
        return await finish()
    planned = counts.progress(counts.planned(outcome.children))
    branched = await tree_rows.branch(connection, job, result=result, usage=usage, progress=planned)
    if branched:
        await provider_calls.insert(connection, resources.calls)
    return branched


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
            await _end_in(connection, resources, job, "cancelled", await _reason(connection, job), error.usage)
        else:
            await provider_calls.insert(connection, resources.calls)
            due = _no_later_than(job.deadline, datetime.now(UTC) + timedelta(seconds=wait))
            queue = await resources.intake.queue_for_retry(connection, job, elsewhere=error.elsewhere)
            # it had its turn, and on another lane that is the one which is served there now
            turn = job.turn if queue == job.queue else await lane_rows.current_turn(connection, queue)
            [ticket_id] = await enqueue(connection, [ticket(job.id, queue, ticket_priority(job.priority, turn), due)])
            await job_rows.set_ticket(connection, job.id, ticket_id, queue, turn)
            await announce(connection, waiting, "job.retrying")
            await delayed.tell(connection, waiting, wait)

    await commit(resources.database, write)
    await look_after(resources, job)


async def postpone(resources: Resources, job: Job, postponed: Postponed) -> None:
    """It waits for its provider, in its queue. Where that has called back meanwhile, it is its turn at once."""
    data = {"provider": postponed.provider, "due_in": round(postponed.due_in, 1)}

    async def write(connection: AsyncConnection) -> None:
        waiting = await job_postpone.postpone(connection, job, data, job.usage)
        if waiting is None:
            await _end_in(connection, resources, job, "cancelled", await _reason(connection, job), {})
            return
        await provider_calls.insert(connection, resources.calls)
        order = await predictions.awaited(connection, job.id)
        wait = 0.0 if order and postponed.is_due(order.called_at) else postponed.due_in
        due = _no_later_than(job.deadline, datetime.now(UTC) + timedelta(seconds=wait))
        priority = ticket_priority(job.priority, job.turn)
        [ticket_id] = await enqueue(connection, [ticket(job.id, job.queue, priority, due)])
        await job_rows.set_ticket(connection, job.id, ticket_id, job.queue, job.turn)
        await picture_progress.tell_ordered(connection, waiting, wait)

    await commit(resources.database, write)
    await look_after(resources, job)


async def end(
    resources: Resources, job: Job, status: str, error: Json | None, usage: Mapping[str, float] | None = None
) -> None:
    """End without a result, and say so where the result was awaited. `usage`: what this run had cost."""

    await commit(resources.database, lambda connection: _end_in(connection, resources, job, status, error, usage or {}))
    await look_after(resources, job)


async def _end_in(
    connection: AsyncConnection,
    resources: Resources,
    job: Job,
    status: str,
    error: Json | None,
    usage: Mapping[str, float],
) -> None:
    spent = summed(job.usage, usage)
    done = await job_rows.finish(
        connection, job, status, error=error, usage=spent, calls=resources.calls, ttl=resources.result_ttl
    )
    if done is None:
        return
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
    await ended.without_result(connection, resources.intake.wallet, done)
    await refused.note(connection, done, resources.safety.blocks, resources.intake.blocks_limit)


async def _reason(connection: AsyncConnection, job: Job) -> Json | None:
    """Why its tree gave it up, if that asked it to stop."""
    now = await job_rows.get(connection, job.id)
    return now.error if now else None


async def _follow(connection: AsyncConnection, resources: Resources, following: NewJob) -> ChatText | None:
    """What to say where it cannot be paid: then it is not begun, and the dialog does not wait for it."""
    try:
        await resources.intake.submit(connection, following)
    except InsufficientFunds as short:
        if following.dialog_id is not None:
            await dialogs.release(connection, following.dialog_id, following.id)
        quiet = is_quiet(following.destination)
        return None if quiet else shortage_message(locale_of(following.destination), resources.intake.wallet, short)
    return None


async def expire_overdue(resources: Resources) -> None:
    """End what nobody started before its deadline, and say so where it was awaited."""
    while True:
        async with resources.database.transaction() as connection:
            overdue = await job_rows.overdue(connection, OVERDUE_AT_A_TIME)
        for job_id in overdue:
            await _expire(resources, job_id)
        if len(overdue) < OVERDUE_AT_A_TIME:
            return


async def _expire(resources: Resources, job_id: UUID) -> None:
    """One in a transaction: a person's dialog and purse are held for one job at a time, as everybody holds them."""
    async with resources.database.transaction() as connection:
        job = await job_rows.expire(connection, job_id, too_late().as_json(), resources.result_ttl)
        if job and job.ticket_id is not None:
            await withdraw(connection, job.ticket_id)
        if job:
            await ended.without_result(connection, resources.intake.wallet, job)
    if job:
        await look_after(resources, job)


def _no_later_than(deadline: datetime | None, due: datetime) -> datetime:
    """Then it is not tried again but expires, and whoever waits for it is told."""
    return min(due, deadline) if deadline else due


def _backoff(failures: int) -> float:
    """Full jitter, so that jobs that failed together do not come back together."""
    return random.uniform(0.5, 1.0) * min(LONGEST_BACKOFF, 2.0**failures)  # noqa: S311 - spreads load, guards nothing
