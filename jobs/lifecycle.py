"""What happens to a job in a worker: claimed in one transaction, run in none, ended in one.

A crash before the last transaction runs the kind again; a crash after it runs nothing again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.activity import showing
from jobs.db.commit import DATABASE_ERRORS
from jobs.db.gpu import lanes as lane_rows
from jobs.db.provider import provider_calls
from jobs.db.queue import queue_turns
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.endings import complete, end, fail_for_now, postpone
from jobs.errors import PermanentError, PostgenError, Stopped, TemporaryError
from jobs.imaging.postponed import Postponed
from jobs.kinds import registry
from jobs.kinds.contract import Run
from jobs.progress import reporting
from jobs.queues import TAKING_TURNS
from jobs.resources import Resources
from jobs.seat import Seat
from jobs.trees.keeping import too_late
from jobs.webhooks.plan import announce

log = structlog.get_logger()

# a job that takes its worker down with it each time must not take down the fleet for ever
MOST_STARTS = 20


async def run_job(resources: Resources, job_id: UUID, seat: Seat = Seat()) -> None:  # noqa: B008 - it cannot change
    """Raises only for trouble that is not the job's: the database is gone, or this worker is shutting down."""
    job = await _claim(resources, job_id)
    if job is None:
        return  # ended before, or cancelled while it waited
    structlog.contextvars.bind_contextvars(job_id=str(job.id), kind=job.kind)
    resources = resources.for_run(job)
    try:
        async with resources.at_work:
            await _run_claimed(resources, job, seat)
    except asyncio.CancelledError as stop:
        await _stopped(resources, job, stop.usage if isinstance(stop, Stopped) else {})
    finally:
        structlog.contextvars.unbind_contextvars("job_id", "kind")


async def _claim(resources: Resources, job_id: UUID) -> Job | None:
    """A chat's job or a step, which nobody else is told of, by a single statement; any other with what is told."""
    async with resources.database.statement() as connection:
        if job := await job_rows.claim(connection, job_id, uuid4(), untold=True):
            await _serve_turn(connection, job)
            return job
    async with resources.database.transaction() as connection:
        if job := await job_rows.claim(connection, job_id, uuid4(), untold=False):
            await announce(connection, job, "job.started")
            await _serve_turn(connection, job)
        return job


async def _serve_turn(connection: AsyncConnection, job: Job) -> None:
    if job.turn and job.queue in TAKING_TURNS:
        await queue_turns.serve(connection, job.queue, job.turn)
    elif job.turn:
        await lane_rows.serve(connection, job.queue, job.turn)


async def _run_claimed(resources: Resources, job: Job, seat: Seat) -> None:
    if job.cancel_requested_at:
        # by its owner, while the worker that had it was dying
        await end(resources, job, "cancelled", job.error)
        return
    try:
        _require_startable(job)
        kind = registry.find(job.kind)
        checked = registry.parse_input(job.kind, job.input)
        async with (
            until_deadline(resources, job),
            showing(resources.telegram, job.destination, kind.CHAT_ACTION),
            reporting(resources.database, job) as progress,
        ):
            outcome = await kind.run(Run(job, checked, resources.database, progress, seat), resources)
    except Postponed as postponed:
        await postpone(resources, job, postponed)
    except TemporaryError as error:
        await fail_for_now(resources, job, error)
    except PostgenError as error:
        status = "expired" if error.code == "deadline_passed" else "failed"
        await end(resources, job, status, error.as_json(), error.usage)
    except DATABASE_ERRORS:
        raise  # the database went away while the kind was reading
    except Exception:
        log.exception("kind crashed")
        bug = TemporaryError("Something went wrong on our side.", code="internal_error", blame="platform")
        await fail_for_now(resources, job, bug)
    else:
        await complete(resources, job, outcome)


@asynccontextmanager
async def until_deadline(resources: Resources, job: Job) -> AsyncIterator[None]:
    """Past its deadline a job that runs is cancelled as if its owner had asked for that."""
    if job.deadline is None:
        yield
        return
    runner, left = asyncio.current_task(), (job.deadline - datetime.now(UTC)).total_seconds()

    async def expire() -> None:
        await asyncio.sleep(max(0.0, left))
        async with resources.database.transaction() as connection:
            await job_rows.request_cancel(connection, job.id)
        if runner:
            runner.cancel()

    watching = asyncio.create_task(expire(), name=f"deadline of {job.id}")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def _require_startable(job: Job) -> None:
    if job.deadline and job.deadline <= datetime.now(UTC):
        raise too_late()
    if job.attempt > MOST_STARTS:
        raise PermanentError("The worker stopped each time that it ran this job.", code="crashes_worker")


async def _stopped(resources: Resources, job: Job, usage: Mapping[str, float]) -> None:
    """The run was cancelled from outside: by the job's owner, or because this worker must go."""
    async with resources.database.transaction() as connection:
        now = await job_rows.get(connection, job.id)
    if now and now.cancel_requested_at:
        _forgive_cancellation()
        overdue = now.deadline is not None and now.deadline <= datetime.now(UTC)
        status, error = ("expired", too_late().as_json()) if overdue else ("cancelled", now.error)
        await end(resources, job, status, error, usage)
        return
    async with resources.database.transaction() as connection:
        if returned := await job_rows.give_back(connection, job):
            await provider_calls.insert(connection, resources.calls)
            await announce(connection, returned, "job.requeued")
    raise asyncio.CancelledError


def _forgive_cancellation() -> None:
    task = asyncio.current_task()
    if task:
        task.uncancel()
