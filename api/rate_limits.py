"""How much a key may still ask, in the headers of every answer: the IETF's RateLimit and RateLimit-Policy."""

import math

from jobs.db.access.api_keys import PresentedKey
from jobs.errors import TooManyRequests

WINDOW = 60


def headers(key: PresentedKey) -> dict[str, str]:
    interval = WINDOW / key.requests_per_minute
    remaining = max(0, math.floor((WINDOW - key.backlog) / interval + 1e-6))
    policy = f'"requests";q={key.requests_per_minute};w={WINDOW}'
    if key.open_jobs is not None:
        policy += f', "open-jobs";q={key.open_jobs};qu="concurrent-requests"'
    return {"RateLimit-Policy": policy, "RateLimit": f'"requests";r={remaining};t={math.ceil(key.backlog)}'}


def require_room(key: PresentedKey) -> None:
    """Raises TooManyRequests, which says when the next request is let through."""
    if key.allowed:
        return
    wait = max(key.backlog + WINDOW / key.requests_per_minute - WINDOW, 0.0)
    raise TooManyRequests(
        f"This key allows {key.requests_per_minute} requests a minute, and they are used up."
        " Wait as long as Retry-After says, or ask the operator for a higher limit.",
        retry_in=wait,
    )
