"""Every way in which a provider of pictures fails: one class each, with its code and what it means for others."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from jobs.errors import ContentBlocked, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.providers.failure_class import FailureClass
from jobs.providers.llm_failures import ABOUT_CONTENT, redacted
from jobs.providers.rate_limits import retry_in


class ImageFailure(PostgenError):
    """`status` and `request_id` are for the log of calls, where the provider said so much.

    `over`: what was ordered has come to an end with it. Otherwise a look has failed, and the next one may find it.
    """

    failure_class: ClassVar[FailureClass]
    over = False
    status: int | None = None
    request_id: str = ""


class Unreachable(ImageFailure, TemporaryError):
    """It certainly took nothing, or it can be asked again without harm."""

    code = "image_provider_unreachable"
    failure_class = FailureClass.TRANSIENT


class TimedOut(ImageFailure, TemporaryError):
    code = "image_provider_timeout"
    failure_class = FailureClass.TRANSIENT


class Overloaded(ImageFailure, TemporaryError):
    code = "image_provider_overloaded"
    failure_class = FailureClass.TRANSIENT


class Unreadable(ImageFailure, TemporaryError):
    code = "image_provider_unreadable"
    failure_class = FailureClass.TRANSIENT


class DrawingFailed(ImageFailure, TemporaryError):
    """It took the order and could not draw: out of memory, a worker of theirs that died, a deadline."""

    code = "image_drawing_failed"
    failure_class = FailureClass.TRANSIENT
    over = True


class CouldNotDraw(ImageFailure, TemporaryError):
    """It took this order and could not draw it, for a reason that says nothing about the next order."""

    code = "image_drawing_failed"
    failure_class = FailureClass.INVALID_OUTPUT
    over = True


class OrderUnknown(ImageFailure, TemporaryError):
    """The order went out and no answer came: it may have been taken, and paid for. Nobody places it a second time."""

    code = "image_order_unknown"
    failure_class = FailureClass.TRANSIENT

    def __init__(self, provider: str, order_id: UUID) -> None:
        super().__init__(f"{provider} did not say whether it took the order {order_id}; it is not placed twice.")


class NotAPicture(ImageFailure, TemporaryError):
    """What came is no picture that can be read, or not one that may be stored."""

    code = "image_invalid_output"
    failure_class = FailureClass.INVALID_OUTPUT
    over = True


class Incomplete(ImageFailure, TemporaryError):
    """A part of a picture: it was stopped, or its bytes broke off."""

    code = "image_truncated"
    failure_class = FailureClass.TRUNCATED


class RateLimited(ImageFailure, TemporaryError):
    code = "image_provider_rate_limited"
    failure_class = FailureClass.RATE_LIMITED


class QuotaExhausted(ImageFailure, PermanentError):
    """`resets_in`: seconds until there is something to use again, where that is known."""

    code = "image_provider_quota"
    failure_class = FailureClass.QUOTA
    resets_in: float | None = None


class WronglySetUp(ImageFailure, Misconfigured):
    code = "misconfigured"
    failure_class = FailureClass.AUTH


class Rejected(ImageFailure, PermanentError):
    code = "image_provider_rejected"
    failure_class = FailureClass.BAD_REQUEST


class Blocked(ImageFailure, ContentBlocked):
    code = "content_blocked"
    over = True
    failure_class = FailureClass.CONTENT_BLOCKED


def refusal(
    status: int, words: str, headers: Mapping[str, str], *, name: str, settings: Mapping[str, str]
) -> ImageFailure:
    """The failure that a status means with most servers. `settings` names those for `key`, `address` and `model`."""
    failure = _refusal(status, redacted(words), headers, f"The image provider {name}", settings)
    failure.status = status
    return failure


def _refusal(
    status: int, words: str, headers: Mapping[str, str], who: str, settings: Mapping[str, str]
) -> ImageFailure:
    if status in (400, 403, 422) and ABOUT_CONTENT.search(words):
        return Blocked(f"{who} refused this content.")
    if 300 <= status < 400:
        return WronglySetUp(f"{who} answers with a redirect ({status}). Check {settings['address']}.")
    if status in (401, 403):
        return WronglySetUp(f"{who} refuses our key ({status}). Check {settings['key']}.")
    if status == 404:
        return WronglySetUp(f"{who} does not know this model or address ({words}). Check {settings['model']}.")
    if status == 402:
        return QuotaExhausted(f"{who} has no balance left on our account.", blame="platform")
    if status == 429:
        return RateLimited(f"{who} takes no more calls for now (429).", retry_in=retry_in(headers))
    if status in (408, 425) or status >= 500:
        return Overloaded(f"{who} is overloaded or down ({status}).", retry_in=retry_in(headers))
    return Rejected(f"{who} refused the request ({status}: {words}).")
