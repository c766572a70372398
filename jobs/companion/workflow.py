"""A ComfyUI workflow with a job's values in it."""

import copy
from collections.abc import Mapping
from typing import Any

from jobs.errors import Misconfigured


def patch(graph: dict[str, Any], points: Mapping[str, tuple[str, str]], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `graph` with each value put where `points` says; None leaves what the graph has."""
    patched = copy.deepcopy(graph)
    for name, value in values.items():
        if value is None:
            continue
        if name not in points:
            raise Misconfigured(f"The workflow has no place for {name!r}; name it in persona.toml under [workflow].")
        node, field = points[name]
        patched[node]["inputs"][field] = value
    return patched
