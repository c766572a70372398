"""Every way in which a call of a language model fails: one class each, with its code and what it means for others."""

import re
from collections.abc import Mapping
from typing import ClassVar

from jobs.errors import ContentBlocked, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.providers.failure_class import FailureClass
from jobs.providers.rate_limits import RateLimits, retry_in

LONGEST_WORDS = 200
SECRET = re.compile(r"\b(sk-|AIza|Bearer\s+)[\w.~+/-]+=*|(?<=[?&]key=)[^&\s\"']+")
ABOUT_CONTENT = re.compile(
    r"content[ _-]?(policy|filter|violation|management)|policy[ _-]?violation|moderation|\bflagged\b", re.IGNORECASE
)
ABOUT_CONTEXT = re.compile(
    r"context[ _-]?(length|size|window)|maximum context|too many (input )?tokens|exceeds the (available )?context"
    r"|token count\b.*\bexceeds|prompt is too long|exceed_context_size",
    re.IGNORECASE,
)


class LlmFailure(PostgenError):
    """`status`, `request_id` and `rate` are for the log of calls, where the provider said so much."""

    failure_class: ClassVar[FailureClass]
    status: int | None = None
    request_id: str = ""
    rate: RateLimits | None = None


class Unreachable(LlmFailure, TemporaryError):
    code = "llm_unreachable"
    failure_class = FailureClass.TRANSIENT


class TimedOut(LlmFailure, TemporaryError):
    code = "llm_timeout"
    failure_class = FailureClass.TRANSIENT


class Overloaded(LlmFailure, TemporaryError):
    code = "llm_overloaded"
    failure_class = FailureClass.TRANSIENT


class Unreadable(LlmFailure, TemporaryError):
    code = "llm_unreadable"
    failure_class = FailureClass.TRANSIENT


class RateLimited(LlmFailure, TemporaryError):
    code = "llm_rate_limited"
    failure_class = FailureClass.RATE_LIMITED


class QuotaExhausted(LlmFailure, PermanentError):
    """`resets_in`: seconds until there is something to use again, where that is known."""

    code = "llm_quota"
    failure_class = FailureClass.QUOTA
    resets_in: float | None = None


class WronglySetUp(LlmFailure, Misconfigured):
    code = "misconfigured"
    failure_class = FailureClass.AUTH


class ModelMissing(WronglySetUp):
    code = "llm_model_missing"


class Rejected(LlmFailure, PermanentError):
    code = "llm_rejected"
    failure_class = FailureClass.BAD_REQUEST


class ContextOverflow(LlmFailure, PermanentError):
    """`prompt_tokens`: how long the prompt is by the provider's own count, where it says so."""

    code = "llm_context_overflow"
    failure_class = FailureClass.BAD_REQUEST
    prompt_tokens: int | None = None


class Blocked(LlmFailure, ContentBlocked):
    """`reason`: the provider's own word for it."""

    code = "content_blocked"
    failure_class = FailureClass.CONTENT_BLOCKED
    reason: str = ""


class Truncated(LlmFailure, PermanentError):
    code = "llm_truncated"
    failure_class = FailureClass.TRUNCATED


class InvalidOutput(LlmFailure, TemporaryError):
    code = "llm_invalid_output"
    failure_class = FailureClass.INVALID_OUTPUT


def refusal(
    status: int, words: str, headers: Mapping[str, str], *, name: str, settings: Mapping[str, str]
) -> LlmFailure:
    """The failure that a status means with most servers. `settings` names those for `key`, `address` and `model`."""
    failure = _refusal(status, redacted(words), headers, f"The language model ({name})", settings)
    failure.status = status
    return failure


def _refusal(status: int, words: str, headers: Mapping[str, str], who: str, settings: Mapping[str, str]) -> LlmFailure:
    if status in (400, 403, 422) and ABOUT_CONTENT.search(words):
        return blocked(who, "")
    if 300 <= status < 400:
        return WronglySetUp(f"{who} answers with a redirect ({status}). Check {settings['address']}.")
    if status in (401, 403):
        return WronglySetUp(f"{who} refuses our key ({status}). Check {settings['key']}.")
    if status == 404:
        return WronglySetUp(f"{who} or its address does not exist ({words}). Check {settings['model']}.")
    if status == 402 or (status == 429 and "insufficient_quota" in words):
        return QuotaExhausted(f"{who} has no balance left on our account.", blame="platform")
    if status == 429:
        return RateLimited(f"{who} takes no more calls for now (429).", retry_in=retry_in(headers))
    if status in (408, 425) or status >= 500:
        return Overloaded(f"{who} is overloaded or down ({status}).", retry_in=retry_in(headers))
    if ABOUT_CONTEXT.search(words):
        return ContextOverflow(f"The text is too long for the language model ({words}).")
    return Rejected(f"{who} refused the request ({status}: {words}).")


def blocked(who: str, reason: str) -> Blocked:
    failure = Blocked(f"{who} refused this content{f' ({reason})' if reason else ''}.")
    failure.reason = reason
    return failure


def redacted(words: str) -> str:
    """Short, in one line, and without what looks like a key: providers like to repeat the one they got."""
    return " ".join(SECRET.sub("…", words).split())[:LONGEST_WORDS] or "no reason given"


def request_id(headers: Mapping[str, str]) -> str:
    for name in ("x-request-id", "request-id", "cf-ray"):
        if value := headers.get(name):
            return value[:100]
    return ""
