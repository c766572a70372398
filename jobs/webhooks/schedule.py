"""When is a webhook tried again that did not arrive, and when is its receiver given up?"""

import random
from datetime import datetime, timedelta

# seconds before each try, counted from the one before it: 76 hours in all
WAITS = (0, 5, 30, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
JITTER = 0.1
# a wait of up to so long is one of its ticket; a longer one is parked in its row, away from the queue
LONGEST_TICKET_WAIT = 60.0

PATIENCE = timedelta(days=5)
FEWEST_FAILURES = 10
NOTICES = (50, 70, 90, 100)


def wait_after(tries: int, retry_after: float | None = None) -> float | None:
    """Seconds until the next try after so many; None when that was the last. `retry_after`: the receiver's wish."""
    if tries >= len(WAITS):
        return None
    wait = WAITS[tries] * (1 + JITTER * random.random())  # noqa: S311 - spreads load, guards nothing
    return max(wait, retry_after or 0.0)


def notice_due(failures: int, failing_since: datetime, now: datetime) -> int | None:
    """How much of the way to being disabled is gone, as the highest of NOTICES that was reached; 100: disable it."""
    share = 100 * (now - failing_since) / PATIENCE
    if failures < FEWEST_FAILURES:
        share = min(share, 99.0)
    return max((notice for notice in NOTICES if notice <= share), default=None)
