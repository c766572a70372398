"""What every language model looks like to a kind."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class ChatMessage(Protocol):
    @property
    def role(self) -> str: ...
    @property
    def content(self) -> str: ...


@dataclass(frozen=True)
class Completion:
    """`usage` counts tokens: {"prompt_tokens": n, "completion_tokens": n}, as far as the provider tells."""

    text: str
    usage: dict[str, Any] = field(default_factory=dict)


class ChatModel(Protocol):
    """`context_tokens`: how much of a conversation it may be shown. Raises the errors of jobs.errors, nothing else."""

    context_tokens: int

    async def complete(self, system_prompt: str, messages: Sequence[ChatMessage], *, max_tokens: int) -> Completion: ...
