"""What every language model looks like to a kind, and to the guard around its calls."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from copy import copy
from typing import TypeVar

from pydantic import BaseModel

from jobs.providers.completion import Completion, Finish
from jobs.providers.prompt import ChatMessage, Prompt, Turn
from jobs.providers.repair import structured_answer

__all__ = ["ChatMessage", "ChatModel", "Completion", "Finish", "Prompt", "Turn"]

Answer = TypeVar("Answer", bound=BaseModel)


class ChatModel(ABC):
    """Raises the errors of jobs.errors, nothing else; `jobs.providers.failure_class` tells what each means.

    `provider` and `model` name it in logs. `context_tokens`: how much of a conversation it may be shown.
    A wrapper implements `answer` and `pieces`, each of which is one call of the provider; the rest follows from them.
    """

    provider: str
    model: str
    context_tokens: int

    @abstractmethod
    async def answer(self, prompt: Prompt) -> Completion:
        """One answer, whole. Its text may be empty, and may be cut off: see `finish`."""

    @abstractmethod
    def pieces(self, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        """The text in pieces as it is written, then the Completion. Close it (`aclosing`) to stop the model."""

    @abstractmethod
    async def probe(self) -> None:
        """Whether it would answer, for as little as possible. Raises what `answer` raises."""

    async def window(self) -> int:
        """How many tokens prompt and answer may have together, by the provider's own word. Raises as `probe`."""
        return self.context_tokens

    def named(self, model: str) -> "ChatModel":
        """Another model of the same provider."""
        other = copy(self)
        other.model = model
        return other

    async def complete(
        self, system: str, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float | None = 0.8,
        timeout: float | None = None,
    ) -> Completion:  # fmt: skip
        return await self.answer(Prompt(system, messages, max_tokens, temperature, timeout))

    def stream(
        self, system: str, messages: Sequence[ChatMessage], *, max_tokens: int, temperature: float | None = 0.8,
        timeout: float | None = None,
    ) -> AsyncGenerator[str | Completion, None]:  # fmt: skip
        """As `pieces`. `timeout` includes what the reader does between two pieces."""
        return self.pieces(Prompt(system, messages, max_tokens, temperature, timeout))

    async def structured(
        self, system: str, messages: Sequence[ChatMessage], schema: type[Answer], *, max_tokens: int,
        temperature: float | None = 0.2, timeout: float | None = None,
    ) -> tuple[Answer, Completion]:  # fmt: skip
        """An answer that is valid by `schema`, and what all calls together took; `timeout` bounds them together.

        The errors' `usage` tells what was spent in vain.
        """
        prompt = Prompt(system, messages, max_tokens, temperature, timeout, schema)
        return await structured_answer(self.answer, prompt, schema)
