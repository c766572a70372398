"""An answer as it arrives: its text joined and made storable, and what the provider says about it."""

import re
from abc import ABC, abstractmethod
from typing import Any

from jobs.providers.completion import Completion, Finish
from jobs.providers.rate_limits import RateLimits
from jobs.storable import storable

THOUGHTS = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)

Json = dict[str, Any]


class AnswerSoFar(ABC):
    """`ended`: the provider said that nothing follows. A stream that stops without that was cut."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] = {}
        self.model = ""
        self.request_id = ""
        self.finish: Finish = "stop"
        self.ended = False
        self._parts: list[str] = []
        self._half = ""

    @abstractmethod
    def take(self, payload: Json) -> str:
        """The text that is new. Raises a failure that the payload stands for; other errors: it cannot be read."""

    @abstractmethod
    def end(self) -> None:
        """Nothing follows. May raise as `take` does, when that cannot be the whole answer."""

    def add(self, text: str) -> str:
        """Half a character is kept until the other half comes with the next piece."""
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        joined = storable(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        self._parts.append(joined)
        return joined

    def count(self, name: str, value: Any) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.usage[name] = value

    def completion(self, *, request_id: str, rate: RateLimits | None, calls: int) -> Completion:
        text = THOUGHTS.sub("", "".join(self._parts))
        return Completion(text, self.usage, self.model, request_id or self.request_id, self.finish, rate, calls)
