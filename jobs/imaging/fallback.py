"""When one provider has failed: is the next one asked, and if none is left, what is the job told?"""

from collections.abc import Sequence

from jobs.errors import PostgenError, TemporaryError
from jobs.guard.refusals import BudgetSpent
from jobs.providers.failure_class import FailureClass, failure_class

# a request that can never work, and content that somebody refuses, are not shown to another
FINAL = (FailureClass.BAD_REQUEST, FailureClass.CONTENT_BLOCKED)
# how often a job may go to the lanes without spending a try
TO_A_LANE = 5


class LostJob(TemporaryError):
    """Another run holds the job now, or its owner has given it up: nothing is ordered for it."""

    code = "job_lost"
    forgiven = None


class OnALane(TemporaryError):
    """No remote provider draws it now, and a lane may."""

    code = "no_image_provider"
    forgiven = TO_A_LANE
    elsewhere = True


def passable(error: PostgenError) -> PostgenError:
    """The error of a provider that another one may make good. Raises it where none may."""
    if failure_class(error) in FINAL and not isinstance(error, BudgetSpent):
        raise error
    return error


def rest_of(failures: Sequence[PostgenError], *, to_a_lane: bool) -> PostgenError:
    """What the run ends with when all have failed.

    A failure of a call goes before the word that somebody cannot be called: it is one of the job's tries. When all are
    away, the job waits for the first that comes back, and spends none.
    """
    if to_a_lane:
        words = "; ".join(each.detail for each in failures)
        return OnALane(f"No remote provider draws this now: {words}", retry_in=0.0)
    temporary = [each for each in failures if isinstance(each, TemporaryError)]
    if not temporary:
        return failures[0]
    met = [each for each in temporary if each.forgiven == 0]
    return met[0] if met else min(temporary, key=lambda each: each.retry_in or 0.0)
