"""What is asked of a language model in one call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from pydantic import BaseModel


class ChatMessage(Protocol):
    @property
    def role(self) -> str: ...
    @property
    def content(self) -> str: ...


@dataclass(frozen=True)
class Turn:
    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True)
class Prompt:
    """`schema`: the answer shall be JSON of that form. `timeout`: seconds for the call, if less than the
    model's own. `temperature` None leaves it to the provider.
    """

    system: str
    messages: Sequence[ChatMessage]
    max_tokens: int
    temperature: float | None = 0.8
    timeout: float | None = None
    schema: type[BaseModel] | None = None

    def followed_by(self, *turns: Turn) -> "Prompt":
        return replace(self, messages=[*self.messages, *turns])
