"""What a web UI does one after the other: what runs, what waits, and the one flag that stops whatever runs."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass
class Task:
    id: str
    body: dict[str, Any]
    step: int = 0
    interrupted: bool = False

    @property
    def steps(self) -> int:
        return int(self.body.get("steps", 20))

    @property
    def share(self) -> float:
        return self.step / max(1, self.steps)


@dataclass
class WebUi:
    """`drawn` in the order of their ends. `hold` keeps pictures from getting done; an interruption still ends them."""

    seconds: float = 0.0
    running: Task | None = None
    current_task: str | None = None
    interrupted: bool = False
    pending: set[str] = field(default_factory=set)
    finished: list[str] = field(default_factory=list)
    drawn: list[Task] = field(default_factory=list)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.free.set()

    def hold(self) -> None:
        self.free.clear()

    def release(self) -> None:
        self.free.set()

    async def draw(self, body: dict[str, Any]) -> Task:
        task = Task(body.get("force_task_id") or f"task({uuid4().hex})", body)
        self.pending.add(task.id)
        async with self.lock:
            self.running, self.current_task = task, task.id
            self.pending.discard(task.id)
            # an interruption of nothing is forgotten when the next one begins
            self.interrupted = False
            self.stop.clear()
            try:
                await self._steps(task)
            finally:
                self.running = self.current_task = None
                self.finished.append(task.id)
                self.drawn.append(task)
        return task

    async def _steps(self, task: Task) -> None:
        stopped, freed = asyncio.ensure_future(self.stop.wait()), asyncio.ensure_future(self.free.wait())
        try:
            await asyncio.wait({stopped, freed}, return_when=asyncio.FIRST_COMPLETED)
            if not stopped.done() and self.seconds:
                await asyncio.wait({stopped}, timeout=self.seconds)
        finally:
            for waiting in (stopped, freed):
                waiting.cancel()
        task.interrupted = self.interrupted
        task.step = task.steps // 2 if task.interrupted else task.steps

    def interrupt(self) -> None:
        """Whatever runs."""
        self.interrupted = True
        self.stop.set()

    def state(self) -> dict[str, Any]:
        running = self.running
        return {
            "interrupted": self.interrupted, "skipped": False, "job": "scripts_txt2img" if running else "",
            "job_count": 1 if running else 0, "job_no": 0, "sampling_step": running.step if running else 0,
            "sampling_steps": running.steps if running else 0,
        }  # fmt: skip
