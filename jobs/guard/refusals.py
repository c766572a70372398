"""Why a call is not made, as errors: all but a spent budget send the job back to the queue without spending a try."""

import random
from typing import NoReturn

from jobs.db.provider.provider_gate import Entry, Limits
from jobs.errors import PermanentError, TemporaryError

# jobs that were refused together do not come back together
LEAST_SPREAD = 1.0
SPREAD = 0.25
WHILE_FULL = 2.0


class ProviderAway(TemporaryError):
    """The breaker is open, or the provider asked for a pause."""

    code = "provider_away"
    forgiven = None


class ProviderBusy(TemporaryError):
    """As many calls as are allowed are under way."""

    code = "provider_busy"
    forgiven = None


class BudgetSpent(PermanentError):
    code = "budget_spent"


def refuse(entry: Entry, provider: str, sort: str, limits: Limits) -> NoReturn:
    """`entry` says anything but "go"."""
    why = f" ({entry.reason})" if entry.reason else ""
    if entry.verdict == "open":
        detail = f"{provider} does not work at the moment{why}. It is tried again in {entry.wait:.0f} s."
        raise ProviderAway(detail, retry_in=_spread(entry.wait))
    if entry.verdict == "probing":
        raise ProviderAway(f"Whether {provider} works again is just being tried{why}.", retry_in=_spread(entry.wait))
    if entry.verdict == "cooling":
        detail = f"{provider} asked not to be called for {entry.wait:.0f} s."
        raise ProviderAway(detail, retry_in=_spread(entry.wait))
    if entry.verdict == "full":
        most, which = (limits.of_sort, f"{sort} calls") if entry.reason == "sort" else (limits.of_provider, provider)
        raise ProviderBusy(
            f"All {most} places for {which} are taken. The job waits for one.",
            retry_in=_spread(WHILE_FULL),
            blame="platform",
        )
    if entry.verdict == "day_spent":
        name = f"{provider.upper()}_DAILY_CALLS"
        raise BudgetSpent(f"All {limits.of_day} calls to {provider} that {name} allows for today (UTC) were made.")
    name = f"MAX_{sort.upper()}_CALLS_PER_JOB"
    raise BudgetSpent(f"This job has made all {limits.of_job} {sort} calls that {name} allows, with the jobs below it.")


def _spread(wait: float) -> float:
    return wait + random.uniform(0, max(LEAST_SPREAD, wait * SPREAD))  # noqa: S311 - spreads load, guards nothing
