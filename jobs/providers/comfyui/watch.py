"""Follows one prompt to its end: by its events, and by one look at the server when some were missed or are overdue."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from jobs.errors import PostgenError
from jobs.providers.comfyui import failures
from jobs.providers.comfyui.job_state import JobState
from jobs.providers.comfyui.links import sources_of
from jobs.providers.comfyui.progress import Progress, ProgressMeter
from jobs.providers.comfyui.protocol import (
    CachedNodes,
    Failed,
    Interrupted,
    NodeOutput,
    NodeStarted,
    Preview,
    PromptMessage,
    SavedFile,
    Started,
    Step,
    Succeeded,
)
from jobs.providers.comfyui.server_api import ServerApi
from jobs.workflow import Workflow

WEBSOCKET_SAVER = "SaveImageWebsocket"


@dataclass(frozen=True)
class Limits:
    """Seconds. `model_load` runs from execution_start to the first progress, `generation` from there to the end.

    `step`: between two steps of a sampler. `offline`: without a connection while a prompt is under way.
    `cancel`: what a running node gets to obey, before its process counts as beyond help.
    """

    generation: float
    model_load: float
    step: float
    offline: float
    cancel: float


@dataclass(frozen=True)
class Connected:
    """Events of prompts that were sent under an earlier client id will not come."""

    client_id: str


@dataclass(frozen=True)
class Disconnected:
    pass


@dataclass(frozen=True)
class QueueMoved:
    """The server's queue is shorter than our prompts in it, or somebody's prompt moved while we get no events."""


@dataclass(frozen=True)
class CancelSent:
    """By us, and on purpose."""


@dataclass(frozen=True)
class Left:
    """The lane is given up: nobody waits here any more."""

    failure: PostgenError


@dataclass(frozen=True)
class Finished:
    files: tuple[SavedFile, ...]
    streamed: tuple[bytes, ...]
    gpu_seconds: float
    load_seconds: float
    cached: bool


Event = PromptMessage | Connected | Disconnected | QueueMoved | CancelSent | Left


class PromptWatch:
    """`put` never waits. `finished` returns or raises once; `on_progress` is called from inside it."""

    def __init__(
        self,
        prompt_id: str,
        workflow: Workflow,
        *,
        api: ServerApi,
        limits: Limits,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.prompt_id = prompt_id
        self.workflow = workflow
        self.api = api
        self.limits = limits
        self.on_progress = on_progress
        self.meter = ProgressMeter(workflow)
        self.inbox: asyncio.Queue[tuple[float, Event]] = asyncio.Queue()
        self.sent_as: str | None = None
        self.accepted = False
        self.adopted = False
        self.over = False
        self.cancelled_by_us = False
        self.files: dict[str, tuple[SavedFile, ...]] = {}
        self.streamed: list[bytes] = []
        self.cached_nodes: tuple[str, ...] = ()
        self.started_ms = 0
        self.started_at: float | None = None
        self.progressed_at: float | None = None
        self.heard_at = 0.0
        self.sampling = False
        self.offline_at: float | None = None
        self.stopping_at: float | None = None

    @property
    def gpu_seconds(self) -> float:
        """So far, by our clock."""
        return 0.0 if self.started_at is None else now() - self.started_at

    @property
    def usage(self) -> dict[str, float]:
        return {"gpu_seconds": round(self.gpu_seconds, 3)} if self.started_at is not None else {}

    def put(self, event: Event) -> None:
        if isinstance(event, Succeeded | Failed | Interrupted):
            self.over = True
        self.inbox.put_nowait((now(), event))

    async def finished(self) -> Finished:
        self.heard_at = now()
        while True:
            try:
                async with asyncio.timeout_at(self.deadline()):
                    self.heard_at, event = await self.inbox.get()
            except TimeoutError:
                finished = await self.overdue()
            else:
                finished = await self.handle(event)
            if finished is not None:
                return finished

    def deadline(self) -> float:
        """The moment from which on silence is no longer normal."""
        if self.offline_at is not None:
            return self.offline_at + self.limits.offline
        if self.stopping_at is not None:
            return self.stopping_at + self.limits.cancel
        if self.started_at is None:
            # waiting its turn may take as long as it takes, but the prompt ahead must end some time
            return self.heard_at + self.limits.model_load + self.limits.generation
        if self.progressed_at is None:
            # an adopted prompt may be past its loading without our being told
            unseen = self.limits.generation if self.adopted else 0.0
            return self.started_at + self.limits.model_load + unseen
        end = self.progressed_at + self.limits.generation
        if self.adopted:
            return end
        return min(end, self.heard_at + (self.limits.step if self.sampling else self.limits.model_load))

    async def overdue(self) -> Finished | None:
        if self.offline_at is not None:
            lost = "the connection was lost and does not come back"
            raise failures.unreachable(lost) if self.started_at is None else failures.cut_off()
        state = await self.api.job(self.prompt_id)
        if self.stopping_at is not None and state.status != "completed":
            raise failures.stuck(stopped=state.status != "in_progress")
        knew_of_start = self.started_at is not None
        finished = self.decide(state)
        if finished is not None:
            return finished
        self.heard_at = now()
        if state.status == "pending":
            self.started_at = None
        elif knew_of_start:
            self.stopping_at = self.heard_at
            await self.api.cancel(self.prompt_id)
        else:
            # it runs and we were not told: its events do not reach us
            self.adopted = True
        return None

    async def handle(self, event: Event) -> Finished | None:
        match event:
            case Disconnected():
                self.offline_at = self.heard_at
            case Connected():
                return await self.reconnected(event)
            case CancelSent():
                self.cancelled_by_us = True
                self.stopping_at = now()
                # one that still waited gets no event of its own
                return await self.look() if self.started_at is None else None
            case QueueMoved():
                return await self.look() if self.adopted or self.started_at is None else None
            case Succeeded():
                return self.success(event)
            case Failed():
                raise failures.execution_failed(event.error)
            case Interrupted():
                raise self.stopped()
            case Left():
                raise event.failure
            case _:
                self.note(event)
        return None

    async def reconnected(self, event: Connected) -> Finished | None:
        if event.client_id == self.sent_as:
            self.offline_at = None
            return None
        self.adopted = True
        return await self.look()

    def note(self, event: Started | CachedNodes | NodeStarted | Step | Preview | NodeOutput) -> None:
        match event:
            case Started():
                self.started_ms = event.timestamp
                self.started_at = self.heard_at
                self.report()
            case CachedNodes():
                self.cached_nodes = event.nodes
                self.meter.see(event)
            case NodeStarted():
                self.sampling = False
                self.meter.see(event)
                self.report()
            case Step():
                self.progressed_at = self.progressed_at or self.heard_at
                self.sampling = event.value < event.maximum
                self.meter.see(event)
                self.report()
            case Preview():
                self.see_picture(event)
            case NodeOutput():
                self.files[event.node] = tuple(file for file in event.files if file.type == "output")

    def see_picture(self, event: Preview) -> None:
        if self.workflow.get(event.node, {}).get("class_type") == WEBSOCKET_SAVER:
            self.streamed.append(event.image)
        else:
            self.report(event)

    def report(self, preview: Preview | None = None) -> None:
        if self.on_progress is None:
            return
        image, kind = (preview.image, preview.content_type) if preview else (None, None)
        self.on_progress(self.meter.reading(self.gpu_seconds, image, kind))

    def success(self, event: Succeeded) -> Finished:
        seconds = (event.timestamp - self.started_ms) / 1000 if self.started_ms else self.gpu_seconds
        files = tuple(file for node in self.files.values() for file in node)
        self.meter.fraction = 1.0
        self.report()
        return self.finish(files, set(self.files), seconds, self.cached_nodes)

    async def look(self) -> Finished | None:
        """After a connection: one question. Unanswered, the prompt counts as offline until the next one."""
        try:
            state = await self.api.job(self.prompt_id)
        except failures.ServerFailure:
            self.offline_at = self.offline_at or now()
            return None
        self.offline_at = None
        return self.decide(state)

    def decide(self, state: JobState) -> Finished | None:
        match state.status:
            case "completed":
                files = tuple(file for _, file in state.files if file.type == "output")
                seconds = (state.ended_ms - state.started_ms) / 1000
                return self.finish(files, {node for node, _ in state.files}, seconds, state.cached_nodes)
            case "failed" if state.error is not None:
                raise failures.execution_failed(state.error)
            case "failed" | "cancelled":
                raise self.stopped()
            case "missing":
                raise failures.cancelled() if self.cancelled_by_us else failures.lost()
            case "in_progress" if self.started_at is None:
                self.started_at = now()
                self.report()
        return None

    def finish(
        self, files: tuple[SavedFile, ...], shown_by: set[str], seconds: float, cached_nodes: tuple[str, ...]
    ) -> Finished:
        self.over = True
        if not files and not self.streamed:
            # pictures that only went over the websocket are gone when it was not ours at the time
            raise failures.lost() if self.streams() else failures.no_picture()
        sources = sources_of(self.workflow, shown_by)
        cached = bool(sources) and sources <= set(cached_nodes)
        return Finished(files, tuple(self.streamed), max(0.0, seconds), self.load_seconds(), cached)

    def load_seconds(self) -> float:
        """From the start to the first progress: nearly all of it is loading models. 0 if we were not there."""
        if self.started_at is None or self.progressed_at is None or self.adopted:
            return 0.0
        return self.progressed_at - self.started_at

    def streams(self) -> bool:
        return any(node.get("class_type") == WEBSOCKET_SAVER for node in self.workflow.values())

    def stopped(self) -> Exception:
        if self.cancelled_by_us:
            return failures.cancelled()
        return failures.interrupted() if self.stopping_at is None else failures.stuck(stopped=True)


def now() -> float:
    return asyncio.get_running_loop().time()
