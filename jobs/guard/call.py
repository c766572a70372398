"""One call to a provider: whom it asks, for which job, and what came of it."""

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from jobs.db.provider.provider_calls import SUCCESS, ProviderCall
from jobs.db.provider.provider_gate import Effects, Entry
from jobs.errors import PostgenError
from jobs.guard.effects import of_error, of_success, redacted
from jobs.guard.settings import Sort
from jobs.guard.turnstile import Passage

LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True)
class Target:
    """Who is called. `provider` is its name in the settings: venice, gemini, ollama, replicate, local, live3d."""

    provider: str
    sort: Sort
    model: str


@dataclass(frozen=True)
class Caller:
    """For which job: `root_id` is the top of its tree. The run that calls hands its `calls` on with its result.

    `yields`: nobody waits for this job alone, so it leaves a few places free for those for whom somebody waits.
    `passage`: where the run takes turns with others of this worker.
    """

    job_id: UUID | None = None
    root_id: UUID | None = None
    kind: str | None = None
    calls: list[ProviderCall] = field(default_factory=list)
    yields: bool = False
    passage: Passage | None = None

    def aside(self) -> AbstractAsyncContextManager[None]:
        return self.passage.aside() if self.passage else nullcontext()


@dataclass
class Call:
    """`answered` is told what a call that went well brought; nobody need tell of one that did not."""

    target: Target
    caller: Caller
    id: UUID = field(default_factory=uuid4)
    entry: Entry = field(default_factory=lambda: Entry("full"))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    usage: Mapping[str, Any] = field(default_factory=dict)
    request_id: str | None = None
    status_code: int | None = None
    cost: float | None = None
    used_up_for: float | None = None

    def starts(self, entry: Entry) -> None:
        self.entry = entry
        self.started_at, self.began = datetime.now(UTC), time.monotonic()

    def answered(
        self,
        usage: Mapping[str, Any] | None = None,
        request_id: str | None = None,
        *,
        status_code: int | None = None,
        cost: float | None = None,
        used_up_for: float | None = None,
    ) -> None:
        """`usage` in tokens, `cost` in US dollars, `used_up_for`: seconds for which no further call is left."""
        self.usage, self.request_id, self.status_code = usage or {}, request_id, status_code
        self.cost, self.used_up_for = cost, used_up_for

    def ended(self, error: BaseException | None) -> Effects:
        """Enters it in the caller's log."""
        outcome, effects = of_error(error) if error else (SUCCESS, of_success(self.used_up_for))
        self.caller.calls.append(self._logged(outcome, error))
        return effects

    def _logged(self, outcome: str, error: BaseException | None) -> ProviderCall:
        words = redacted(error.detail) if isinstance(error, PostgenError) else type(error).__name__ if error else None
        status = getattr(error, "status", None) if error else self.status_code
        return ProviderCall(
            **vars(self.target),
            outcome=outcome,
            latency_ms=min(round((time.monotonic() - self.began) * 1000), LARGEST_INTEGER),
            started_at=self.started_at,
            kind=self.caller.kind,
            job_id=self.caller.job_id,
            status_code=status,
            prompt_tokens=_count(self.usage.get("prompt_tokens")),
            completion_tokens=_count(self.usage.get("completion_tokens")),
            cost=self.cost,
            request_id=(getattr(error, "request_id", None) if error else self.request_id) or None,
            error=words,
            probe=self.entry.is_probe,
        )


def _count(number: object) -> int | None:
    return min(number, LARGEST_INTEGER) if isinstance(number, int) and number >= 0 else None
