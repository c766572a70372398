"""How much may still be asked of a provider, and how long to wait: read from the headers of its answers."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 300
# a number above this is a moment in UNIX time, not a count of seconds
FIRST_MOMENT = 1_000_000_000
UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:ms|[smhd]))+", re.ASCII)


@dataclass(frozen=True)
class RateLimits:
    """None where the provider says nothing. The resets are seconds from the answer on."""

    limit_requests: int | None = None
    remaining_requests: int | None = None
    reset_requests_in: float | None = None
    limit_tokens: int | None = None
    remaining_tokens: int | None = None
    reset_tokens_in: float | None = None

    @property
    def used_up_for(self) -> float | None:
        """Seconds until the next call has a chance; None when calls are left, or nobody knows."""
        waits = [
            reset
            for remaining, reset in (
                (self.remaining_requests, self.reset_requests_in),
                (self.remaining_tokens, self.reset_tokens_in),
            )
            if remaining == 0 and reset is not None
        ]
        return max(waits, default=None)


def rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """From `x-ratelimit-…`; None when there are none."""
    read = RateLimits(
        limit_requests=_count(headers.get("x-ratelimit-limit-requests")),
        remaining_requests=_count(headers.get("x-ratelimit-remaining-requests")),
        reset_requests_in=seconds_until(headers.get("x-ratelimit-reset-requests")),
        limit_tokens=_count(headers.get("x-ratelimit-limit-tokens")),
        remaining_tokens=_count(headers.get("x-ratelimit-remaining-tokens")),
        reset_tokens_in=seconds_until(headers.get("x-ratelimit-reset-tokens")),
    )
    return read if any(getattr(read, each.name) is not None for each in fields(read)) else None


def retry_in(headers: Mapping[str, str]) -> float | None:
    """What a refused caller is asked to wait in seconds, never above LONGEST_WAIT; None if nothing is said."""
    asked = seconds_until(headers.get("retry-after"))
    if asked is None:
        limits = rate_limits(headers)
        asked = limits.used_up_for if limits else None
    return None if asked is None else min(asked, float(LONGEST_WAIT))


def seconds_until(value: str | None) -> float | None:
    """From a count of seconds, a moment in UNIX time (or milliseconds of it), a span such as 1m2.5s, or a date."""
    value = (value or "").strip()
    if NUMBER.fullmatch(value):
        number = float(value)
        if number >= FIRST_MOMENT:
            return max(0.0, (number / 1000 if number >= FIRST_MOMENT * 1000 else number) - time.time())
        return number
    if SPAN.fullmatch(value):
        parts = re.findall(r"([0-9.]+)(ms|[smhd])", value)
        return sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts)
    return _seconds_to_date(value)


def _seconds_to_date(value: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _count(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"[0-9]{1,15}", value, re.ASCII) else None
