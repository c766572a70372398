"""One prompt while it runs: its clock, its progress messages, its loading of models, and what may cut it short."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.comfyui.gpu import Model
from sandbox.comfyui.machine import Machine
from sandbox.comfyui.outcome import Outcome
from sandbox.comfyui.progress import ProgressState, node_identity
from sandbox.comfyui.prompt_queue import Prompt
from sandbox.comfyui.runs import Run

SAMPLING_SHARE = 0.95  # the rest goes to decoding and saving
OUT_OF_MEMORY = (
    "Allocation on device \nThis error means you ran out of memory on your GPU.\n\n"
    "TIPS: If the workflow worked before you might have accidentally set the batch_size to a large number."
)
ILLEGAL_ACCESS = (
    "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported at "
    "some other API call, so the stacktrace below might be incorrect."
)


class Interrupted(Exception):
    pass


class NodeFailure(Exception):
    """What a node raised: the full name of the exception's type, and its text."""

    def __init__(self, exception_type: str, message: str) -> None:
        super().__init__(message)
        self.exception_type = exception_type


@dataclass
class PromptRun:
    """`interrupted` is the flag that an interrupt sets; it is looked at on a progress tick and between two nodes."""

    prompt: Prompt
    record: Run
    machine: Machine
    outcome: Outcome = field(default_factory=Outcome)
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    interrupted: bool = False
    sampled: bool = False
    due: float = 0.0

    def __post_init__(self) -> None:
        self.progress = ProgressState(self.prompt.prompt_id, self.machine.publisher)

    def tell(self, event: str, **data: Any) -> None:
        """A message that history keeps too."""
        stamped = {**data, "timestamp": round(time.time() * 1000)}
        self.outcome.messages.append((event, stamped))
        publisher = self.machine.publisher
        send = publisher.to_owner_or_all if event == "execution_interrupted" else publisher.to_owner
        send(event, stamped)

    def show(self, node_id: str, ui: dict[str, Any]) -> None:
        self.outcome.ui[node_id] = ui
        data = {"node": node_id, "display_node": node_id, "output": ui, "prompt_id": self.prompt.prompt_id}
        self.machine.publisher.to_owner("executed", data)

    def stop_if_interrupted(self) -> None:
        if self.interrupted:
            raise Interrupted

    def tick(self, node_id: str, value: int, maximum: int, picture: tuple[bytes, str] | None = None) -> None:
        self.stop_if_interrupted()
        publisher = self.machine.publisher
        self.progress.update(node_id, value, maximum)
        with_metadata = publisher.knows_metadata()
        if picture and with_metadata:
            publisher.picture(*picture, node_identity(node_id, self.prompt.prompt_id))
        data = {"value": value, "max": maximum, "prompt_id": self.prompt.prompt_id, "node": node_id}
        publisher.to_owner_or_all("progress", data)
        if picture and not with_metadata:
            publisher.picture(*picture, {})

    def strike(self, step: int) -> None:
        """Let the fault happen that was ordered for this step."""
        fault = self.machine.faults.take(step, self.record.text)
        if fault is None:
            return
        if fault.kind == "oom":
            self.machine.gpu.unload()
            raise NodeFailure("torch.OutOfMemoryError", OUT_OF_MEMORY)
        if fault.kind == "error":
            raise NodeFailure("RuntimeError", "The sandbox was told to fail here")
        if fault.kind == "cuda":
            self.machine.gpu.poisoned = True
            self.need_gpu()
        elif fault.kind == "interrupt":
            self.interrupted = True
        else:
            self.machine.on_fault(fault)

    def need_gpu(self) -> None:
        """After a CUDA error nothing works on the card until the process is restarted."""
        if self.machine.gpu.poisoned:
            raise NodeFailure("torch.AcceleratorError", ILLEGAL_ACCESS)

    async def load(self, model: Model) -> None:
        settings = self.machine.settings
        warm, patched = self.machine.gpu.admit(model)
        seconds = 0.0 if warm else settings.model_load_seconds
        seconds += 0.0 if patched else settings.lora_load_seconds * max(1, len(model.loras))
        self.record.loading_seconds += seconds
        await asyncio.sleep(seconds)

    def sampling(self, seconds: float) -> tuple[float, float]:
        """When the sampler began and how long it takes, so that the picture, saved, costs what it was set to cost.

        The first sampler's time counts from the prompt's start.
        """
        begin = self.due if self.sampled else self.began + self.record.loading_seconds
        self.sampled = True
        self.due = begin + seconds
        return begin, seconds * SAMPLING_SHARE

    async def saved(self) -> None:
        await self.sleep_until(self.due)

    async def sleep_until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))
        await self.machine.publisher.awake.wait()

    def previews_wanted(self) -> bool:
        method = self.prompt.extra_data.get("preview_method") or self.machine.settings.preview_method
        return method not in ("none", "default")
