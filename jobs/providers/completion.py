"""What a language model answered, and what that took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs.providers.rate_limits import RateLimits

Finish = Literal["stop", "length"]


@dataclass(frozen=True)
class Completion:
    """`usage` counts tokens and seconds as in `jobs.usage`, as far as the provider tells: prompt_tokens,
    completion_tokens, thought_tokens, model_load_seconds.

    `model` is the one that answered by its own word. `finish` "length": the answer was cut off at `max_tokens`.
    `calls`: requests that it took, with those in which a server refused the form of the request.
    """

    text: str
    usage: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    request_id: str = ""
    finish: Finish = "stop"
    rate: RateLimits | None = None
    calls: int = 1


def usage_sum(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    return {**first, **{name: first.get(name, 0) + used for name, used in second.items()}}
