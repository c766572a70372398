"""The queue in RAM: what waits, what runs, what is history. A restart forgets all of it."""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field
from typing import Any

Graph = dict[str, Any]
HISTORY_LIMIT = 10_000


@dataclass(order=True)
class Prompt:
    number: float
    order: int
    prompt_id: str = field(compare=False)
    graph: Graph = field(compare=False)
    extra_data: dict[str, Any] = field(compare=False)
    outputs: list[str] = field(compare=False)

    @property
    def client_id(self) -> str | None:
        client_id = self.extra_data.get("client_id")
        return client_id if isinstance(client_id, str) else None

    def as_json(self) -> list[Any]:
        return [self.number, self.prompt_id, self.graph, self.extra_data, self.outputs]


class PromptQueue:
    """`changed` is called whenever the number of open prompts may have changed."""

    def __init__(self, changed: Any) -> None:
        self.pending: list[Prompt] = []
        self.running: Prompt | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.next_number = 0
        self.tickets = itertools.count()
        self.available = asyncio.Event()
        self.changed = changed

    @property
    def remaining(self) -> int:
        return len(self.pending) + (self.running is not None)

    def number_for(self, body: dict[str, Any]) -> float:
        if "number" in body:
            return float(body["number"])
        number = -self.next_number if body.get("front") else self.next_number
        self.next_number += 1
        return number

    def put(self, number: float, prompt_id: str, graph: Graph, extra_data: dict[str, Any], outputs: list[str]) -> None:
        heapq.heappush(self.pending, Prompt(number, next(self.tickets), prompt_id, graph, extra_data, outputs))
        self.available.set()
        self.changed()

    async def take(self) -> Prompt:
        while not self.pending:
            self.available.clear()
            await self.available.wait()
        self.running = heapq.heappop(self.pending)
        self.changed()
        return self.running

    def finish(self, prompt_id: str, entry: dict[str, Any]) -> None:
        self.running = None
        if len(self.history) >= HISTORY_LIMIT:
            self.history.pop(next(iter(self.history)))
        self.history.pop(prompt_id, None)
        self.history[prompt_id] = entry
        self.changed()

    def delete(self, prompt_id: str) -> bool:
        """No event and no history for the prompt that goes: only the number of open prompts is broadcast."""
        kept = [prompt for prompt in self.pending if prompt.prompt_id != prompt_id]
        if len(kept) == len(self.pending):
            return False
        self.pending = kept
        heapq.heapify(self.pending)
        self.changed()
        return True

    def clear(self) -> None:
        self.pending.clear()
        self.changed()
