"""A workflow in ComfyUI's API format, and the named places in it that take a job's values."""

import copy
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.errors import Misconfigured

Workflow = dict[str, Any]
PatchPoints = Mapping[str, Sequence[str]]

HOW_TO_EXPORT = (
    "This workflow is in the format of ComfyUI's editor, which the server cannot run. Open it in ComfyUI and choose "
    "Workflow > Export (API) (in older versions: Enable Dev Mode in the settings, Save (API Format)). Use that file."
)


def load(path: Path) -> Workflow:
    """Raises Misconfigured with what is wrong with the file and what to do."""
    try:
        workflow = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"The workflow {path.name} cannot be read: {error}.") from None
    require_api_format(workflow)
    return dict(workflow)


def require_api_format(workflow: Any) -> None:
    if isinstance(workflow, dict) and isinstance(workflow.get("nodes"), list):
        raise Misconfigured(HOW_TO_EXPORT, code="workflow_format_ui")
    if not isinstance(workflow, dict) or not workflow:
        raise Misconfigured("A workflow is a JSON object of nodes by id, each with class_type and inputs.")
    for node_id, node in workflow.items():
        if not isinstance(node, dict) or "class_type" not in node or not isinstance(node.get("inputs"), dict):
            raise Misconfigured(f"Node {node_id} of the workflow has no class_type or no inputs. {HOW_TO_EXPORT}")


def require_points(workflow: Workflow, points: PatchPoints) -> None:
    """Raises Misconfigured naming the first patch point that leads nowhere."""
    for name, point in points.items():
        if len(point) != 2:
            raise Misconfigured(f'The patch point {name} must read ["node id", "input"], not {list(point)}.')
        node, field = point
        if node not in workflow:
            raise Misconfigured(f"The patch point {name} names node {node}, which the workflow does not have.")
        if field not in workflow[node]["inputs"]:
            has = ", ".join(workflow[node]["inputs"]) or "none"
            raise Misconfigured(f"The patch point {name} names input {field} of node {node}, which has only: {has}.")


def patch(workflow: Workflow, points: PatchPoints, values: Mapping[str, Any]) -> Workflow:
    """A copy with each value in its place. None leaves what the workflow has; a value without a place is refused."""
    require_points(workflow, points)
    patched = copy.deepcopy(workflow)
    for name, value in values.items():
        if value is None:
            continue
        if name not in points:
            raise Misconfigured(f"The workflow has no patch point {name}; name its node and input.")
        node, field = points[name]
        patched[node]["inputs"][field] = value
    return patched


def model_of(workflow: Workflow) -> str:
    """The files that a GPU must hold for it, in one line: two workflows with the same line share a warm GPU."""
    files = {
        str(value)
        for node in workflow.values()
        if "Loader" in str(node["class_type"])
        for name, value in node["inputs"].items()
        if name.endswith("_name")
    }
    return " + ".join(sorted(files))


def filename_prefix(job_id: object) -> str:
    """One of its own for each job: ComfyUI's cache then cannot answer with the file of an earlier one."""
    return f"jobs/{re.sub(r'[^A-Za-z0-9_-]', '_', str(job_id))}/img"
