"""What happens to a job in a worker: claimed in one transaction, run in none, ended in one.

A crash before the last transaction runs the kind again; a crash after it runs nothing again.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.activity import showing
from jobs.companion.outbox import ChatText, Message, send_to_chat
from jobs.companion.wording import has_text, say
from jobs.db import dialogs
from jobs.db import jobs as job_rows
from jobs.db import lanes as lane_rows
from jobs.db.commit import DATABASE_ERRORS, commit
from jobs.db.jobs import Job, Json
from jobs.enqueue import enqueue
from jobs.errors import PermanentError, PostgenError, TemporaryError
from jobs.kinds import registry
from jobs.kinds.contract import Outcome, Run
from jobs.lanes.fairness import ticket_priority
from jobs.resources import Resources
from jobs.submit import ticket

log = structlog.get_logger()

# a job that takes its worker down with it each time must not take down the fleet for ever
MOST_STARTS = 20
LONGEST_BACKOFF = 60.0


async def run_job(resources: Resources, job_id: UUID) -> None:
    """Raises only for trouble that is not the job's: the database is gone, or this worker is shutting down."""
    async with resources.database.statement() as connection:
        job = await job_rows.claim(connection, job_id, uuid4())
        if job and job.turn:
            await lane_rows.serve(connection, job.queue, job.turn)
    if job is None:
        return  # ended before, or cancelled while it waited
    structlog.contextvars.bind_contextvars(job_id=str(job.id), kind=job.kind)
    try:
        await _run_claimed(resources, job)
    except asyncio.CancelledError:
        await _stopped(resources, job)
    finally:
        structlog.contextvars.unbind_contextvars("job_id", "kind")


async def _run_claimed(resources: Resources, job: Job) -> None:
    if job.cancel_requested_at:
        # by its owner, while the worker that had it was dying
        await _end(resources, job, "cancelled", None)
        return
    try:
        _require_startable(job)
        kind = registry.find(job.kind)
        run = Run(job, registry.parse_input(job.kind, job.input), resources.database)
        async with showing(resources.telegram, job.destination, kind.CHAT_ACTION):
            outcome = await kind.run(run, resources)
    except TemporaryError as error:
        await _failed_for_now(resources, job, error)
    except PostgenError as error:
        await _end(resources, job, "expired" if error.code == "deadline_passed" else "failed", error.as_json())
    except DATABASE_ERRORS:
        raise  # the database went away while the kind was reading
    except Exception:
        log.exception("kind crashed")
        bug = TemporaryError("Something went wrong on our side.", code="internal_error", blame="platform")
        await _failed_for_now(resources, job, bug)
    else:
        await _completed(resources, job, outcome)


def _require_startable(job: Job) -> None:
    if job.deadline and job.deadline <= datetime.now(UTC):
        raise PermanentError(
            "The deadline passed before the job could start.", code="deadline_passed", blame="platform"
        )
    if job.attempt > MOST_STARTS:
        raise PermanentError("The worker stopped each time that it ran this job.", code="crashes_worker")


async def _completed(resources: Resources, job: Job, outcome: Outcome) -> None:
    result = outcome.result.model_dump(mode="json")
    alone = outcome.save is None and not job.destination

    async def write(connection: AsyncConnection) -> None:
        done = await job_rows.finish(
            connection, job, "completed", result=result, usage=outcome.usage, ttl=resources.result_ttl
        )
        if done is None:
            return  # another run holds the job now, or an earlier try of this commit went through
        if outcome.save:
            for following in await outcome.save(connection):
                await resources.intake.submit(connection, following)
        await _tell_chat(connection, done, outcome.messages)

    await commit(resources.database, write, alone=alone)


async def _failed_for_now(resources: Resources, job: Job, error: TemporaryError) -> None:
    if error.counted and job.failures + 1 >= registry.find(job.kind).ATTEMPTS:
        await _end(resources, job, "failed", error.as_json())
        return
    wait = error.retry_in if error.retry_in is not None else _backoff(job.failures)
    data = {"error": error.as_json(), "retry_in": round(wait, 1)}

    async def write(connection: AsyncConnection) -> None:
        if await job_rows.retry_later(connection, job, data, counted=error.counted) is None:
            # cancelled meanwhile, or no longer ours: then this changes nothing
            await _end_in(connection, resources, job, "cancelled", None)
        else:
            due = datetime.now(UTC) + timedelta(seconds=wait)
            queue = await resources.intake.queue_for_retry(connection, job)
            [ticket_id] = await enqueue(
                connection, [ticket(job.id, queue, ticket_priority(job.priority, job.turn), due)]
            )
            await job_rows.set_ticket(connection, job.id, ticket_id, queue)

    await commit(resources.database, write)


async def _end(resources: Resources, job: Job, status: str, error: Json | None) -> None:
    """End without a result, and say so where the result was awaited."""

    await commit(resources.database, lambda connection: _end_in(connection, resources, job, status, error))


async def _end_in(connection: AsyncConnection, resources: Resources, job: Job, status: str, error: Json | None) -> None:
    done = await job_rows.finish(connection, job, status, error=error, ttl=resources.result_ttl)
    if done is None:
        return
    if job.dialog_id is not None:
        await dialogs.release(connection, job.dialog_id, job.id)
    await _tell_chat(connection, done, [ChatText(_sentence(done))])


async def _stopped(resources: Resources, job: Job) -> None:
    """The run was cancelled from outside: by the job's owner, or because this worker must go."""
    async with resources.database.transaction() as connection:
        now = await job_rows.get(connection, job.id)
    if now and now.cancel_requested_at:
        _forgive_cancellation()
        await _end(resources, job, "cancelled", None)
        return
    async with resources.database.transaction() as connection:
        await job_rows.give_back(connection, job)
    raise asyncio.CancelledError


async def _tell_chat(connection: AsyncConnection, job: Job, messages: Sequence[Message]) -> None:
    chat = job.destination.get("telegram")
    if chat:
        key = f"job:{job.id}:{job.retries}"
        await send_to_chat(connection, int(chat["chat_id"]), messages, key=key, job_id=job.id)


def _sentence(job: Job) -> str:
    locale = job.destination.get("telegram", {}).get("locale", "en")
    code = (job.error or {}).get("code", "")
    keys = [job.status] if job.status != "failed" else [f"failed.{code}", f"failed.{job.kind}", "failed.other"]
    return say(locale, next(key for key in keys if has_text(locale, key)))


def _backoff(failures: int) -> float:
    """Full jitter, so that jobs that failed together do not come back together."""
    return random.uniform(0.5, 1.0) * min(LONGEST_BACKOFF, 2.0**failures)  # noqa: S311 - spreads load, guards nothing


def _forgive_cancellation() -> None:
    task = asyncio.current_task()
    if task:
        task.uncancel()
