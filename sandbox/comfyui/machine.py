"""Everything that one life of the server process keeps in RAM; a restart makes a new one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.comfyui.faults import Fault, FaultBook
from sandbox.comfyui.gpu import Gpu
from sandbox.comfyui.node_cache import NodeCache
from sandbox.comfyui.prompt_queue import PromptQueue
from sandbox.comfyui.publisher import Publisher
from sandbox.comfyui.runs import RunLog
from sandbox.comfyui.settings import ComfySettings


@dataclass
class Machine:
    """`faults`, `log` and the files outlive the process; `on_fault` does what only the process's owner can.

    `publisher.awake` cleared: the process hangs. It takes no step and sends nothing until it is set again.
    """

    settings: ComfySettings
    faults: FaultBook
    log: RunLog
    output_dir: Path
    on_fault: Callable[[Fault], None]
    publisher: Publisher = field(default_factory=Publisher)
    queue: PromptQueue = field(init=False)
    cache: NodeCache = field(init=False)
    gpu: Gpu = field(init=False)

    def __post_init__(self) -> None:
        self.queue = PromptQueue(self.broadcast_status)
        self.cache = NodeCache(self.settings.cache_lru)
        self.gpu = Gpu(self.settings.vram_models)

    def status(self) -> dict[str, dict[str, int]]:
        return {"exec_info": {"queue_remaining": self.queue.remaining}}

    def broadcast_status(self) -> None:
        self.publisher.broadcast("status", {"status": self.status()})
