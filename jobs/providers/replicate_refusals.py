"""How Replicate says no: {"title", "detail", "status"}, and throttling in words."""

import json
import re
from collections.abc import Mapping

from jobs.providers.image_failures import ImageFailure, RateLimited, refusal
from jobs.providers.rate_limits import LONGEST_WAIT

SETTINGS = {"key": "REPLICATE_API_TOKEN", "address": "REPLICATE_BASE_URL", "model": "REPLICATE_MODEL"}
RESETS = re.compile(r"resets? in ~?\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m)\b", re.IGNORECASE)
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def refused(status: int, body: str, headers: Mapping[str, str]) -> ImageFailure:
    words = _words(body)
    failure = refusal(status, words, headers, name="replicate", settings=SETTINGS)
    found = RESETS.search(words)
    if isinstance(failure, RateLimited) and failure.retry_in is None and found:
        failure.retry_in = min(float(found[1]) * UNITS[found[2].lower()], float(LONGEST_WAIT))
    return failure


def _words(body: str) -> str:
    try:
        answer = json.loads(body)
        return str(answer.get("detail") or answer.get("title") or "")
    except (ValueError, AttributeError, RecursionError):
        return ""
