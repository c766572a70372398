"""What the end of a call says about its provider, and what is written down about it."""

import re

from jobs.db.provider.provider_gate import Effect, Effects
from jobs.errors import PostgenError, TemporaryError
from jobs.providers.failure_class import FailureClass, failure_class

# a run that was cancelled says nothing about the provider; neither does a mistake of ours
CANCELLED, INTERNAL = "cancelled", "internal"

LONGEST_WORDS = 300
NO_HINT_COOL = 5.0
LONGEST_COOL = 3600.0
# how long nobody asks a provider that refuses our key, or has no money left, unless it says when it has
AUTH_SHUT = 300.0
QUOTA_SHUT = 3600.0
LONGEST_SHUT = 86_400.0
# rate limits are nobody's fault: so often one costs the job no try
RATE_LIMITS_FORGIVEN = 20

EFFECTS: dict[FailureClass, Effect] = {
    FailureClass.TRANSIENT: "failure",
    FailureClass.RATE_LIMITED: "answered",
    FailureClass.QUOTA: "shut",
    FailureClass.AUTH: "shut",
    FailureClass.BAD_REQUEST: "answered",
    FailureClass.CONTENT_BLOCKED: "answered",
    FailureClass.TRUNCATED: "answered",
    FailureClass.INVALID_OUTPUT: "answered",
}
SECRET = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]+|\b(?:sk|r8|pg|whsec|hf)[-_][\w-]{6,}|\bAIza[\w-]{10,}"
    r"|\b(?:api[_-]?key|key|token|secret|password)\s*[=:]\s*[^\s&,;\"']+|(?<=://)[^/\s@]+@"
)


def of_success(used_up_for: float | None) -> Effects:
    """`used_up_for`: seconds for which the answer said that no call is left."""
    return Effects("success", cool=min(used_up_for or 0.0, LONGEST_COOL))


def of_error(error: BaseException) -> tuple[str, Effects]:
    """The outcome for the log, and what the fleet learns."""
    if not isinstance(error, PostgenError):
        return (INTERNAL if isinstance(error, Exception) else CANCELLED), Effects("none")
    found, words = failure_class(error), redacted(error.detail)
    effect = EFFECTS[found]
    if found is FailureClass.AUTH and getattr(error, "status", None) == 404:
        # one model is missing, and the provider may have others
        effect = "answered"
    if found in (FailureClass.BAD_REQUEST, FailureClass.CONTENT_BLOCKED):
        # what somebody asked for is nothing that an operator should read in the provider's state
        return str(found), Effects(effect)
    return str(found), Effects(effect, str(found), words, cool=_cool(found, error), shut_for=_shut(found, error))


def forgive(error: PostgenError) -> None:
    """A job whose call met a rate limit keeps its tries, for a long while."""
    if isinstance(error, TemporaryError) and failure_class(error) is FailureClass.RATE_LIMITED:
        error.forgiven = RATE_LIMITS_FORGIVEN


def redacted(words: str) -> str:
    """In one line, not too long, and without anything that looks like a key."""
    return " ".join(SECRET.sub("…", words).split())[:LONGEST_WORDS]


def _cool(found: FailureClass, error: PostgenError) -> float:
    hint = getattr(error, "retry_in", None)
    if found is FailureClass.RATE_LIMITED:
        return min(hint if hint is not None else NO_HINT_COOL, LONGEST_COOL)
    # a server that is down and says for how long, as with 503 and Retry-After
    return min(hint, LONGEST_COOL) if found is FailureClass.TRANSIENT and hint else 0.0


def _shut(found: FailureClass, error: PostgenError) -> float:
    if found is FailureClass.QUOTA:
        resets_in = getattr(error, "resets_in", None)
        return min(resets_in if resets_in is not None else QUOTA_SHUT, LONGEST_SHUT)
    return AUTH_SHUT
