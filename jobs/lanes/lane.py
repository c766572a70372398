"""One GPU as a kind uses it: a workflow goes in, a picture comes out, and what goes wrong is put right or told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4, uuid5

import structlog

from jobs.errors import PostgenError
from jobs.lanes.gates import Gates
from jobs.lanes.health import LaneHealth
from jobs.lanes.memory import GpuMemory
from jobs.providers.comfyui.client import ComfyUI
from jobs.providers.comfyui.failures import OutOfMemory, ServerFailure, lane_left
from jobs.providers.comfyui.outputs import Generated
from jobs.providers.comfyui.progress import Progress
from jobs.workflow import Workflow

log = structlog.get_logger()


class Lane:
    """`gates` keep the queue's worker from bringing more while one picture has the GPU to itself."""

    def __init__(self, queue: str, client: ComfyUI, health: LaneHealth, gates: Gates, memory: GpuMemory) -> None:
        self.queue = queue
        self.client = client
        self.health = health
        self.gates = gates
        self.memory = memory
        self.drawing = 0
        self.changed = asyncio.Condition()
        self.only_one = asyncio.Lock()
        # how many have the GPU to themselves, or will
        self.loners = 0

    def heard(self, connected: bool) -> None:
        """Called by the client whenever its websocket comes or goes."""
        self.health.heard(connected)
        self.memory.changed()

    async def draw(
        self,
        prompt_id: str,
        workflow: Workflow,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        previews: bool = False,
        on_rendered: Callable[[], None] = lambda: None,
    ) -> Generated:
        """As ComfyUI.generate, with what the lane can do about failures: one more try without neighbours after
        out-of-memory; a process that will not draw again is left by all its pictures, and restarted.

        Cancelled, the prompt stays: the caller knows whether it should be cancelled or withdrawn.
        """

        async def attempt(prompt: str) -> Generated:
            self.client.detach(prompt)
            return await self.client.generate(
                prompt, workflow, on_progress=on_progress, previews=previews, on_rendered=on_rendered
            )

        try:
            async with self._among_others():
                return await attempt(prompt_id)
        except OutOfMemory as failure:
            log.warning("out of memory, once more without neighbours", lane=self.queue, reason=failure.detail)
        except ServerFailure as failure:
            await self._left(failure)
            raise
        try:
            async with self._alone():
                await self.client.free()
                return await attempt(alone(prompt_id))
        except ServerFailure as failure:
            await self._left(failure)
            raise

    async def cancel(self, prompt_id: str) -> None:
        await self.client.cancel(prompt_id)
        await self.client.cancel(alone(prompt_id))

    async def withdraw(self, prompt_id: str) -> None:
        """Take it back if it still waits; what runs goes on and is adopted by whoever asks for it next.

        One that draws alone has a name that nobody asks for next: it would go on beside its own second try.
        """
        await self.client.withdraw(prompt_id)
        await self.client.cancel(alone(prompt_id))

    async def forget(self, prompt_id: str) -> None:
        """ComfyUI's own record of a picture that is stored by now. Whatever goes wrong with that is no matter."""
        await self.client.forget(prompt_id, alone(prompt_id))

    async def _left(self, failure: ServerFailure) -> None:
        if not failure.needs_restart:
            return
        if first := self.health.failure is None:
            log.error("lane is broken", lane=self.queue, code=failure.code, reason=failure.detail)
        # the second one of two waits as well: its next try must not find the lane still in the choice
        await self.health.broke(failure)
        if first:
            self.client.leave(lane_left())

    @asynccontextmanager
    async def _among_others(self) -> AsyncIterator[None]:
        async with self.changed:
            await self.changed.wait_for(lambda: self.loners == 0)
            self.drawing += 1
        try:
            yield
        finally:
            self.memory.changed()
            async with self.changed:
                self.drawing -= 1
                self.changed.notify_all()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        self.loners += 1
        self.gates.close(self.queue, "alone")
        try:
            async with self.only_one:
                async with self.changed:
                    await self.changed.wait_for(lambda: self.drawing == 0)
                yield
        finally:
            self.loners -= 1
            if self.loners == 0:
                self.gates.open(self.queue, "alone")
            async with self.changed:
                self.changed.notify_all()


def alone(prompt_id: str) -> str:
    """The name of the second try without neighbours."""
    return str(uuid5(UUID(prompt_id), "alone"))


async def warm_up(client: ComfyUI, workflow: Workflow) -> PostgenError | None:
    """Draw something small in one step. The failure that says that this process does not draw; None if it does.

    A workflow that the server refuses says nothing about its GPU.
    """
    try:
        await client.generate(str(uuid4()), _smallest(workflow), reconcile=False)
    except ServerFailure as failure:
        return failure
    except PostgenError as error:
        log.warning("warm-up was refused", reason=error.detail)
    return None


def _smallest(workflow: Workflow) -> Workflow:
    return {
        node: {**spec, "inputs": {**spec["inputs"], **_one_step(spec["inputs"])}} for node, spec in workflow.items()
    }


def _one_step(inputs: dict[str, Any]) -> dict[str, Any]:
    small = {"steps": 1, "width": 256, "height": 256}
    return {name: value for name, value in small.items() if isinstance(inputs.get(name), int)}
