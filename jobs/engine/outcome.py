"""What becomes of a ticket after its run? It never fails: the jobs table is the truth and bounds its own attempts."""

import logging
import random
from dataclasses import dataclass
from typing import Literal

from procrastinate.jobs import Job

from jobs.connector import is_loss
from jobs.errors import TemporaryError

log = logging.getLogger(__name__)

LONGEST_WAIT = 60.0


@dataclass(frozen=True)
class Outcome:
    """`done`: the ticket ends. `back`: it waits in its queue again, at once. `later`: again after `wait` seconds."""

    kind: Literal["done", "back", "later"]
    wait: float = 0.0


DONE = Outcome("done")
BACK = Outcome("back")


def after_unknown_task(job: Job) -> Outcome:
    """In a rolling deployment an older worker meets tasks that only the newer one knows."""
    log.warning("ticket %s waits for a worker that knows the task %s", job.id, job.task_name)
    return Outcome("later", _jittered(10))


def after_error(job: Job, error: Exception) -> Outcome:
    if isinstance(error, TemporaryError):
        wait = error.retry_in if error.retry_in is not None else backoff(job.attempts)
        log.info("ticket %s (%s) again in %.1f s: %s", job.id, job.task_name, wait, error.detail)
        return Outcome("later", max(0.0, wait))
    wait = backoff(job.attempts)
    # an unreachable database explains itself; anything else is worth its traceback
    traceback = None if is_loss(error) or isinstance(error, TimeoutError) else error
    log.warning(
        "ticket %s (%s) again in %.1f s: %s: %s",
        job.id, job.task_name, wait, type(error).__name__, error, exc_info=traceback,
    )  # fmt: skip
    return Outcome("later", wait)


def backoff(attempts: int) -> float:
    return _jittered(min(LONGEST_WAIT, 0.5 * 2.0 ** min(attempts, 10)))


def _jittered(seconds: float) -> float:
    return random.uniform(0.5, 1) * seconds  # noqa: S311 - spreads load, guards nothing
