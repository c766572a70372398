"""What does the scripted LLM remember of a request?"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Outcome = Literal["waiting", "answered", "refused", "failed", "client left"]


@dataclass
class ReceivedRequest:
    """`received`, `first_byte` and `finished` are `time.monotonic()`, comparable across the machine's processes."""

    body: dict[str, Any]
    headers: dict[str, str]
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    received: float = field(default_factory=time.monotonic)
    first_byte: float | None = None
    finished: float | None = None
    outcome: Outcome = "waiting"
    path: str = ""
    query: str = ""

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body.get("messages", [])
        return messages

    @property
    def seconds(self) -> float:
        """From the arrival to the last byte."""
        return (self.finished if self.finished is not None else time.monotonic()) - self.received
