"""A lane's progress as the job tells it: the share that is done, the node at work, and a preview if one was wanted."""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jobs.kinds.contract import ReportsProgress
from jobs.workflow import Workflow

if TYPE_CHECKING:
    from jobs.providers.comfyui.progress import Progress

# in an event, where it costs a third more as text
LARGEST_PREVIEW = 64 * 1024


def reporter(progress: ReportsProgress, workflow: Workflow) -> "Callable[[Progress], None]":
    """`stage` is the node's class; `step` of `steps` where the node has steps."""
    newest: dict[str, Any] = {}

    def report(reading: "Progress") -> None:
        newest.update(_preview(reading))
        stage = workflow.get(reading.node or "", {}).get("class_type")
        steps = {"step": reading.step, "steps": reading.steps} if reading.steps else {}
        gpu_seconds = round(reading.gpu_seconds, 2)
        progress.report(round(reading.fraction, 3), 1, stage, gpu_seconds=gpu_seconds, **steps, **newest)

    return report


def _preview(reading: "Progress") -> dict[str, Any]:
    if reading.preview is None or len(reading.preview) > LARGEST_PREVIEW:
        return {}
    image = {"content_type": reading.preview_type, "base64": base64.b64encode(reading.preview).decode()}
    return {"preview": image}
