"""What became of a prompt: its messages and outputs, as /history keeps them."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.prompt_queue import Prompt


@dataclass
class Outcome:
    """`failed` as soon as a node failed or was interrupted: nothing after it runs."""

    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    ui: dict[str, dict[str, Any]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    failed: bool = False


def history_entry(prompt: Prompt, outcome: Outcome) -> dict[str, Any]:
    meta = {
        node: {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node} for node in outcome.ui
    }
    return {
        "prompt": prompt.as_json(),
        "outputs": dict(outcome.ui),
        "status": {
            "status_str": "error" if outcome.failed else "success",
            "completed": not outcome.failed,
            "messages": [list(message) for message in outcome.messages],
        },
        "meta": meta,
    }
