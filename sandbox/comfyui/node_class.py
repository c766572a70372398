"""What a node class is: its inputs as /object_info shows them, its outputs, and what it does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.node_cache import NodeResult
from sandbox.comfyui.prompt_run import PromptRun

Input = tuple[str | list[str], dict[str, Any]]


@dataclass(frozen=True)
class NodeCall:
    node_id: str
    values: dict[str, Any]
    run: PromptRun


@dataclass(frozen=True)
class NodeClass:
    name: str
    run: Callable[[NodeCall], Awaitable[NodeResult]]
    required: dict[str, Input]
    outputs: tuple[str, ...] = ()
    optional: dict[str, Input] = field(default_factory=dict)
    category: str = "sandbox"
    output_node: bool = False
    never_cached: bool = False

    @property
    def inputs(self) -> dict[str, Input]:
        return self.required | self.optional

    def as_json(self) -> dict[str, Any]:
        sections = {"required": self.required} | ({"optional": self.optional} if self.optional else {})
        return {
            "input": {key: {name: list(spec) for name, spec in part.items()} for key, part in sections.items()},
            "input_order": {key: list(part) for key, part in sections.items()},
            "is_input_list": False,
            "output": list(self.outputs),
            "output_is_list": [False] * len(self.outputs),
            "output_name": list(self.outputs),
            "name": self.name,
            "display_name": self.name,
            "description": "",
            "python_module": "nodes",
            "category": self.category,
            "output_node": self.output_node,
            "has_intermediate_output": False,
            "search_aliases": [],
            "essentials_category": None,
        }


def integer(default: int, minimum: int, maximum: int, **more: Any) -> Input:
    return "INT", {"default": default, "min": minimum, "max": maximum, **more}


def number(default: float, minimum: float, maximum: float, **more: Any) -> Input:
    return "FLOAT", {"default": default, "min": minimum, "max": maximum, **more}


def one_of(*choices: str) -> Input:
    return list(choices), {}


def link(kind: str) -> Input:
    return kind, {}
