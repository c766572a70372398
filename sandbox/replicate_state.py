"""What Replicate draws: each order in its own time, to whatever end was ordered."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

OVER = ("succeeded", "failed", "canceled", "aborted")


@dataclass(frozen=True)
class Outcome:
    """How an order ends. `output`: instead of the address of its file."""

    status: str = "succeeded"
    error: str | None = None
    output: Any = None


@dataclass
class Drawing:
    body: dict[str, Any]
    base: str
    id: str = field(default_factory=lambda: uuid4().hex[:26])
    status: str = "starting"
    outcome: Outcome = field(default_factory=Outcome)
    removed: bool = False
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def input(self) -> dict[str, Any]:
        return dict(self.body.get("input", {}))

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    def as_json(self) -> dict[str, Any]:
        done = self.status == "succeeded" and not self.removed
        output = (self.outcome.output or [f"{self.base}/files/{self.id}.png"]) if done else None
        return {
            "id": self.id, "model": str(self.body.get("version")), "version": "hidden", "status": self.status,
            "input": {} if self.removed else self.input, "output": output, "error": self.outcome.error, "logs": "",
            "metrics": {"predict_time": 1.25} if self.is_over else {}, "data_removed": self.removed,
            "created_at": self.created_at.isoformat().replace("+00:00", "Z"),
            "urls": {"get": f"{self.base}/v1/predictions/{self.id}"},
        }  # fmt: skip


class Studio:
    """`on_end` hears of each drawing that is over. While `held`, drawings begin and do not end by themselves."""

    def __init__(self, seconds: float, on_end: Callable[[Drawing], None]) -> None:
        self.seconds = seconds
        self.on_end = on_end
        self.held = False
        self.next_outcome = Outcome()
        self.drawings: list[Drawing] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def take(self, body: dict[str, Any], base: str) -> Drawing:
        drawing = Drawing(body, base, outcome=self.next_outcome)
        self.drawings.append(drawing)
        if not self.held:
            task = asyncio.create_task(self._draw(drawing), name=f"drawing {drawing.id}")
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return drawing

    def find(self, drawing_id: str) -> Drawing | None:
        return next((each for each in self.drawings if each.id == drawing_id), None)

    def end(self, drawing: Drawing, status: str | None = None) -> None:
        """Now, as it was ordered or as said. What is over stays so."""
        if drawing.is_over:
            return
        drawing.status = status or drawing.outcome.status
        drawing.over.set()
        self.on_end(drawing)

    async def wait(self, drawing: Drawing, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await drawing.over.wait()
        except TimeoutError:
            pass

    async def aclose(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _draw(self, drawing: Drawing) -> None:
        drawing.status = "processing"
        await asyncio.sleep(self.seconds)
        self.end(drawing)
