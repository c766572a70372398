"""A lane that draws nothing whose prompt no content rule has looked at: a run gets no other."""

from typing import Any

from jobs.lanes.lane import Lane
from jobs.providers.comfyui.outputs import Generated
from jobs.safety.safety import Safety
from jobs.workflow import Workflow


class CheckedLane:
    """Of a Lane, what a run needs."""

    def __init__(self, lane: Lane, safety: Safety) -> None:
        self.unchecked = lane
        self.safety = safety
        self.queue = lane.queue
        self.cancel, self.withdraw, self.forget = lane.cancel, lane.withdraw, lane.forget

    async def draw(self, prompt_id: str, workflow: Workflow, **more: Any) -> Generated:
        """As Lane.draw. Raises PermanentError for a workflow with no text that `safety` has let pass."""
        self.safety.require_passed([value for node in workflow.values() for value in node["inputs"].values()])
        return await self.unchecked.draw(prompt_id, workflow, **more)
