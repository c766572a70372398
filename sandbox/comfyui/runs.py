"""What did this server run, and when by its own clock? For tests and benchmarks; survives a restart."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

RunOutcome = Literal["running", "success", "error", "interrupted", "lost"]


@dataclass
class Run:
    prompt_id: str
    client_id: str | None
    text: str
    queued_at: float
    started_at: float
    ended_at: float | None = None
    outcome: RunOutcome = "running"
    cached_nodes: tuple[str, ...] = ()
    cached: bool = False
    loading_seconds: float = 0.0


@dataclass
class RunLog:
    runs: list[Run] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, run: Run) -> None:
        self.runs.append(run)
        self.changed.set()

    def end(self, run: Run, outcome: RunOutcome) -> None:
        run.ended_at = time.time()
        run.outcome = outcome
        self.changed.set()

    async def until(self, condition: Callable[[list[Run]], bool], timeout: float = 10) -> None:
        """For tests: waits, without looking again and again, until the runs are as wanted. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not condition(self.runs):
                self.changed.clear()
                await self.changed.wait()

    def of(self, prompt_id: str) -> list[Run]:
        return [run for run in self.runs if run.prompt_id == prompt_id]

    def lose_running(self) -> None:
        for run in self.runs:
            if run.ended_at is None:
                self.end(run, "lost")

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(run) for run in self.runs]
