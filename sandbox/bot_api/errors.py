"""How does the Bot API refuse a call, and the sandbox an order?"""

from sandbox.bot_api.wire import Wire, without_none


class BotApiError(Exception):
    """A refusal with Telegram's own status code and description."""

    def __init__(self, code: int, description: str, *, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def body(self) -> Wire:
        parameters = None if self.retry_after is None else {"retry_after": self.retry_after}
        return without_none(ok=False, error_code=self.code, description=self.description, parameters=parameters)


def bad_request(reason: str) -> BotApiError:
    return BotApiError(400, f"Bad Request: {reason}")


def forbidden(reason: str) -> BotApiError:
    return BotApiError(403, f"Forbidden: {reason}")


def conflict(reason: str) -> BotApiError:
    return BotApiError(409, f"Conflict: {reason}")


def too_many_requests(retry_after: int) -> BotApiError:
    return BotApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


class NotPossibleError(Exception):
    """A person, or a test, cannot do this now; the text says why and what to do."""


class UnknownError(Exception):
    """The control API was asked for a user or a bot that does not exist."""
