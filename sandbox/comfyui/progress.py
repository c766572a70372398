"""The `progress_state` message: every node seen so far, repeated whole on every change."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.publisher import Publisher


@dataclass
class ProgressState:
    prompt_id: str
    publisher: Publisher
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def start(self, node_id: str) -> None:
        self.set(node_id, 0.0, 1.0, "running")

    def update(self, node_id: str, value: float, maximum: float) -> None:
        self.set(node_id, value, maximum, "running")

    def finish(self, node_id: str) -> None:
        maximum = self.nodes.get(node_id, {}).get("max", 1.0)
        self.set(node_id, maximum, maximum, "finished")

    def finish_cached(self, node_id: str) -> None:
        self.set(node_id, 1, 1, "finished")

    def set(self, node_id: str, value: float, maximum: float, state: str) -> None:
        head = {"value": value, "max": maximum, "state": state}
        self.nodes[node_id] = {**head, **node_identity(node_id, self.prompt_id)}
        self.publisher.to_owner_or_all(
            "progress_state", {"prompt_id": self.prompt_id, "nodes": {key: dict(n) for key, n in self.nodes.items()}}
        )


def node_identity(node_id: str, prompt_id: str) -> dict[str, Any]:
    return {
        "node_id": node_id,
        "prompt_id": prompt_id,
        "display_node_id": node_id,
        "parent_node_id": None,
        "real_node_id": node_id,
    }
