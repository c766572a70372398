"""Which nodes need not run again? Results are kept by what a node is and what feeds it, never by its id."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

Graph = dict[str, Any]


@dataclass(frozen=True)
class NodeResult:
    outputs: tuple[Any, ...] = ()
    ui: dict[str, Any] | None = None


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def signature(graph: Graph, node_id: str, inputs_of: dict[str, list[str]]) -> str:
    """`inputs_of` names what each class reads: an unknown extra input does not count."""
    node = graph[node_id]
    parts: dict[str, Any] = {}
    for name in inputs_of[node["class_type"]]:
        value = node["inputs"].get(name)
        parts[name] = [signature(graph, value[0], inputs_of), value[1]] if is_link(value) else value
    return json.dumps([node["class_type"], parts], sort_keys=True)


class NodeCache:
    """`lru` 0 keeps only what the newest prompt uses; otherwise so many results, the longest unused go first."""

    def __init__(self, lru: int) -> None:
        self.lru = lru
        self.results: OrderedDict[str, NodeResult] = OrderedDict()

    def begin(self, wanted: set[str]) -> None:
        for key in list(self.results):
            if key in wanted:
                self.results.move_to_end(key)
            elif not self.lru:
                del self.results[key]

    def get(self, key: str) -> NodeResult | None:
        return self.results.get(key)

    def put(self, key: str, result: NodeResult) -> None:
        self.results[key] = result
        self.results.move_to_end(key)
        while self.lru and len(self.results) > self.lru:
            self.results.popitem(last=False)

    def clear(self) -> None:
        self.results.clear()
