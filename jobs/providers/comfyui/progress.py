"""How far is a picture? Nodes and steps weighted to one fraction that only grows."""

from dataclasses import dataclass
from typing import Any

from jobs.providers.comfyui.protocol import CachedNodes, NodeStarted, Step
from jobs.workflow import Workflow

STEP_WEIGHT = 10


@dataclass(frozen=True)
class Progress:
    """`fraction` 0–1 over the whole workflow; `step` of `steps` in the node at work. `gpu_seconds` so far."""

    fraction: float
    node: str | None
    step: int
    steps: int
    gpu_seconds: float
    preview: bytes | None = None
    preview_type: str | None = None


class ProgressMeter:
    """A sampler weighs ten for each of its steps, any other node one."""

    def __init__(self, workflow: Workflow) -> None:
        self.weights = {node: weight(spec["inputs"]) for node, spec in workflow.items()}
        self.done: dict[str, float] = dict.fromkeys(workflow, 0.0)
        self.node: str | None = None
        self.step = 0
        self.steps = 0
        self.fraction = 0.0

    def see(self, message: CachedNodes | NodeStarted | Step) -> None:
        if isinstance(message, CachedNodes):
            self.done.update({node: 1.0 for node in message.nodes if node in self.done})
        else:
            self.enter(message.node)
        if isinstance(message, Step):
            self.step, self.steps = message.value, message.maximum
            self.done[message.node] = message.value / max(1, message.maximum)
        total = sum(self.weights.values()) or 1
        share = sum(self.weights[node] * part for node, part in self.done.items() if node in self.weights) / total
        self.fraction = max(self.fraction, min(1.0, share))

    def enter(self, node: str) -> None:
        if node != self.node and self.node in self.done:
            self.done[self.node] = 1.0
        if node != self.node:
            self.node, self.step, self.steps = node, 0, 0

    def reading(self, gpu_seconds: float, preview: bytes | None = None, preview_type: str | None = None) -> Progress:
        return Progress(self.fraction, self.node, self.step, self.steps, gpu_seconds, preview, preview_type)


def weight(inputs: dict[str, Any]) -> int:
    steps = inputs.get("steps")
    return STEP_WEIGHT * steps if isinstance(steps, int) and steps > 0 else 1
