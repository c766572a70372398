"""Failures as words: one tree, the same object in HTTP, in the job, in the event stream and in the chat.

PostgenError
├── PermanentError           trying again cannot help
│   ├── InvalidInput         the client's request is wrong
│   ├── NotFound             the thing asked for does not exist (or belongs to somebody else)
│   ├── Unauthenticated      nobody knows who asks
│   ├── Forbidden            it is known who asks, and they may not
│   ├── Conflict             it cannot be done to the thing as it is now
│   ├── ContentBlocked       a content rule or a provider refused it
│   └── Misconfigured        the operator must change a setting
└── TemporaryError           trying again may help, after `retry_in` seconds
    └── TooManyRequests      the client asks for more than its key allows
"""

import asyncio
from typing import Any, Literal

Blame = Literal["client", "upstream", "platform"]


class PostgenError(Exception):
    """`code` is stable and meant for programs, `detail` is a sentence for people without secrets or tracebacks."""

    code = "internal_error"
    blame: Blame = "platform"
    retryable = False

    def __init__(self, detail: str, *, code: str | None = None, blame: Blame | None = None) -> None:
        super().__init__(detail)
        # what the failed run had used by then, as in `jobs.usage`
        self.usage: dict[str, float] = {}
        self.detail = detail
        self.code = code or type(self).code
        self.blame = blame or type(self).blame

    def as_json(self) -> dict[str, Any]:
        """The shape stored in `jobs.error` and sent to every channel."""
        return {"code": self.code, "detail": self.detail, "blame": self.blame, "retryable": self.retryable}


class PermanentError(PostgenError):
    code = "failed"


class InvalidInput(PermanentError):
    """`errors` points at the fields: `{"pointer": "/input/prompt", "detail": "…"}` each."""

    code = "invalid_input"
    blame: Blame = "client"

    def __init__(self, detail: str, *, errors: list[dict[str, str]] | None = None, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = errors or []

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "errors": self.errors}


class NotFound(PermanentError):
    code = "not_found"
    blame: Blame = "client"


class Unauthenticated(PermanentError):
    code = "unauthenticated"
    blame: Blame = "client"


class Forbidden(PermanentError):
    code = "forbidden"
    blame: Blame = "client"


class Conflict(PermanentError):
    code = "conflict"
    blame: Blame = "client"


class ContentBlocked(PermanentError):
    code = "content_blocked"
    blame: Blame = "client"


class Misconfigured(PermanentError):
    """The sentence names the setting and says what to put there."""

    code = "misconfigured"


class TemporaryError(PostgenError):
    """`retry_in` is what the other side asked for in seconds; None leaves the wait to the caller's backoff."""

    code = "temporarily_unavailable"
    blame: Blame = "upstream"
    retryable = True

    # how often a job may end so without spending one of its few tries, where the try was no fault of it; None: always
    forgiven: int | None = 0
    # whether one time more is the end of the job
    final = False
    # whether the next try is better made in another place, if there is one
    elsewhere = False

    def __init__(
        self, detail: str, *, retry_in: float | None = None, code: str | None = None, blame: Blame | None = None
    ) -> None:
        super().__init__(detail, code=code, blame=blame)
        self.retry_in = retry_in


class Stopped(asyncio.CancelledError):
    """A run that was cancelled, with what it had used by then, as in `jobs.usage`."""

    def __init__(self, usage: dict[str, float]) -> None:
        super().__init__()
        self.usage = usage


class TooManyRequests(TemporaryError):
    """`retry_in` says when it may be asked again."""

    code = "rate_limited"
    blame: Blame = "client"
