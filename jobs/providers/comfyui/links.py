"""Which nodes of a workflow feed which?"""

from typing import Any

from jobs.workflow import Workflow


def sources_of(workflow: Workflow, nodes: set[str]) -> set[str]:
    """Every node that these are made from, themselves left out."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = workflow.get(waiting.pop(), {})
        links = [value[0] for value in node.get("inputs", {}).values() if is_link(value)]
        waiting += [link for link in links if link not in found]
        found.update(links)
    return found - nodes


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
