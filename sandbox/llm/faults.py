"""What can go wrong at an OpenAI-compatible provider, as things that a test may order from the scripted one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ErrorShape = Literal["text", "details", "openai"]

# status → code and sentence, as Venice documents them
VENICE_ERRORS: dict[int, tuple[str, str]] = {
    400: ("INVALID_REQUEST", "Invalid request parameters"),
    401: ("AUTHENTICATION_FAILED", "Authentication failed"),
    402: ("INSUFFICIENT_BALANCE", "Insufficient balance to process the request"),
    403: ("API_KEY_DISABLED", "This API key is disabled"),
    404: ("MODEL_NOT_FOUND", "Specified model not found"),
    422: ("CONTENT_POLICY_VIOLATION", "Your request violated the content policy"),
    429: ("RATE_LIMIT_EXCEEDED", "Rate limit exceeded"),
    500: ("INFERENCE_FAILED", "Inference processing failed"),
    503: ("MODEL_OFFLINE", "The model is at capacity"),
    504: ("REQUEST_TIMEOUT", "The request timed out"),
}


@dataclass(frozen=True)
class Refusal:
    """An answer with this status instead of a completion. A str body is sent as it is."""

    status: int
    body: dict[str, Any] | list[Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CutOff:
    """The connection closes after so many pieces of a stream, or half-way through a plain answer."""

    after_pieces: int = 2


@dataclass(frozen=True)
class StreamError:
    """An error object arrives inside a stream that began with 200. A plain answer becomes a 500 with that object."""

    after_pieces: int = 2
    message: str = "Inference processing failed"


@dataclass(frozen=True)
class Trickle:
    """The answer arrives one character at a time, so slowly that no read time-out ever fires."""

    seconds_per_character: float = 0.05


@dataclass(frozen=True)
class BrokenJson:
    """200, and a body (or a stream event) that ends in the middle of its JSON."""


@dataclass(frozen=True)
class Hang:
    """Accepts the request and says nothing: for so many seconds, or until the client leaves."""

    seconds: float | None = None


Fault = Refusal | CutOff | StreamError | Trickle | BrokenJson | Hang


def venice_refusal(status: int, shape: ErrorShape = "text", *, retry_after: float | None = None) -> Refusal:
    """A refusal in one of the three shapes that Venice's errors come in."""
    code, sentence = VENICE_ERRORS[status]
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    bodies: dict[ErrorShape, dict[str, Any]] = {
        "text": {"error": sentence},
        "details": {
            "error": sentence,
            "details": {"_errors": [], "messages": {"_errors": [sentence]}},
            "issues": [{"code": code, "path": ["messages"], "message": sentence}],
        },
        "openai": {"error": {"message": sentence, "type": _openai_type(status), "param": None, "code": code}},
    }
    return Refusal(status, bodies[shape], headers)


def _openai_type(status: int) -> str:
    return {401: "authentication_error", 429: "rate_limit_error"}.get(
        status, "server_error" if status >= 500 else "invalid_request_error"
    )
