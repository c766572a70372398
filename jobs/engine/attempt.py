"""One run of a ticket's task, and what follows from how it ended."""

import asyncio
from typing import Any

from procrastinate import middleware
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker

from jobs.engine.outcome import BACK, DONE, Outcome, after_error, after_unknown_task, backoff


async def attempt(worker: Worker, context: JobContext) -> Outcome:
    """Never raises. Tasks are coroutine functions: one that blocks would block the whole worker."""
    job = context.job
    if job.task_name not in worker.app.tasks:
        return after_unknown_task(job)
    try:
        await _call(worker, context)
    except asyncio.CancelledError:
        # A task that honours its owner's cancel returns. One that was cancelled before it could look gets its
        # ticket once more, and looks then.
        return BACK if context.should_abort() else Outcome("later", backoff(job.attempts))
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the ticket must not be lost
        return after_error(job, error)
    return DONE


async def _call(worker: Worker, context: JobContext) -> None:
    task = context.task
    arguments = [context] if task.pass_context else []

    async def call() -> Any:
        wrappers = [*worker.task_middleware, *task.task_middleware]
        return await middleware.compose(
            wrappers, lambda: task(*arguments, **context.job.task_kwargs), context, worker
        )()

    await middleware.compose(worker.worker_middleware, call, context, worker)()
