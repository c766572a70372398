"""One ComfyUI, which is one GPU: a workflow goes in, pictures come out, whatever happens to sockets in between."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from jobs.errors import PostgenError, Stopped
from jobs.providers.comfyui import failures
from jobs.providers.comfyui.connection import Connection
from jobs.providers.comfyui.outputs import Generated, Picture
from jobs.providers.comfyui.progress import Progress
from jobs.providers.comfyui.protocol import Message, Status
from jobs.providers.comfyui.server_api import ServerApi, SystemStats
from jobs.providers.comfyui.watch import (
    CancelSent,
    Connected,
    Disconnected,
    Finished,
    Left,
    Limits,
    PromptWatch,
    QueueMoved,
)
from jobs.providers.png_texts import without_texts
from jobs.workflow import require_api_format

STOP_SECONDS = 3.0
PREVIEW_METHOD = "latent2rgb"


class ComfyUI:
    """`host` is "name:port", or an address with http:// or https://. Opening never fails: a server that is down
    fails the calls that need it, and is connected to again as soon as it is up.

    `on_connection` is told whenever the websocket comes or goes.
    """

    def __init__(
        self,
        host: str,
        *,
        generation_timeout: float = 120,
        model_load_timeout: float = 180,
        step_timeout: float = 60,
        offline_timeout: float = 5,
        cancel_grace: float = 15,
        heartbeat: float = 15,
        on_connection: Callable[[bool], None] | None = None,
    ) -> None:
        base_url = host.rstrip("/") if "://" in host else f"http://{host}"
        self.limits = Limits(generation_timeout, model_load_timeout, step_timeout, offline_timeout, cancel_grace)
        self.api = ServerApi(base_url)
        self.connection = Connection(
            "ws" + base_url.removeprefix("http"),
            heartbeat=heartbeat,
            on_message=self._dispatch,
            on_change=self._connection_changed,
        )
        self.on_connection = on_connection
        self.watches: list[PromptWatch] = []
        self.detached: set[str] = set()
        self.submitting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        self.connection.open()

    async def aclose(self) -> None:
        await self.connection.aclose()
        await self.api.aclose()

    @property
    def connected(self) -> bool:
        return self.connection.connected

    async def generate(
        self,
        prompt_id: str,
        workflow: dict[str, Any],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        previews: bool = False,
        reconcile: bool = True,
        on_rendered: Callable[[], None] = lambda: None,
    ) -> Generated:
        """`prompt_id`: a UUID kept by the caller. What the server has of it already is collected or adopted, never
        rendered again; an id that failed there is. `reconcile=False` saves the question for an id that
        was surely never sent. `on_rendered` is called when the GPU is free again, before the files are fetched.

        Cancelling the task that waits here cancels the prompt too, unless `detach` was called for it before; it raises
        Stopped, which knows the seconds on the GPU until then, as the `usage` of every error does.
        Raises PostgenError of jobs.errors; `failures.ServerFailure.needs_restart` says when the process is done for.
        """
        require_api_format(workflow)
        await self.connection.ready()
        watch = PromptWatch(prompt_id, workflow, api=self.api, limits=self.limits, on_progress=on_progress)
        self.watches.append(watch)
        try:
            finished = await self._submit(watch, previews, reconcile) or await watch.finished()
            on_rendered()
            return await self._collect(finished)
        except PostgenError as error:
            error.usage = watch.usage
            raise
        except asyncio.CancelledError:
            await self._abandon(watch)
            raise Stopped(watch.usage) from None
        except BaseException:
            await self._abandon(watch)
            raise
        finally:
            self.watches.remove(watch)
            self.detached.discard(prompt_id)

    async def cancel(self, prompt_id: str) -> bool:
        """Ends the prompt on the server; whoever waits for it gets a failure with the code "cancelled". Never hits
        another prompt. False when the server has no such prompt waiting or running.
        """
        for watch in self._watches_of(prompt_id):
            watch.cancelled_by_us = True
        done = await self.api.cancel(prompt_id)
        for watch in self._watches_of(prompt_id):
            watch.put(CancelSent())
        return done

    async def forget(self, *prompt_ids: str) -> None:
        """Not before their pictures are safe: until then whoever asks for an id again gets them from here."""
        with contextlib.suppress(PostgenError):
            await self.api.delete_history(*prompt_ids)

    async def withdraw(self, prompt_id: str) -> None:
        """Takes the prompt back if it has not started. Raises PostgenError when the server does not answer."""
        await self.api.withdraw(prompt_id)

    def leave(self, failure: PostgenError) -> None:
        """Give up on every prompt here: whoever waits for one gets the failure. What renders goes on unobserved."""
        for watch in self.watches:
            watch.put(Left(failure))

    def detach(self, prompt_id: str | None = None) -> None:
        """From now on leave the prompt (None: all of them) running when its task is cancelled, to be adopted by id."""
        self.detached |= {watch.prompt_id for watch in self.watches} if prompt_id is None else {prompt_id}

    def started(self, prompt_id: str) -> bool:
        """Is it on the GPU, as far as we were told, or does it still wait inside the server?"""
        return any(watch.started_at is not None for watch in self._watches_of(prompt_id))

    async def health(self) -> int:
        """How many prompts the server has, running and waiting. Raises comfyui_unreachable."""
        return await self.api.queue_remaining()

    async def system_stats(self) -> SystemStats:
        return await self.api.system_stats()

    async def object_info(self) -> dict[str, Any]:
        """Every node class that the server has, with its inputs and the model files it may name."""
        return await self.api.object_info()

    async def free(self) -> None:
        """Unload models and node results after the prompt that runs now; what helps after out-of-memory."""
        await self.api.free()

    async def _submit(self, watch: PromptWatch, previews: bool, reconcile: bool) -> Finished | None:
        # one at a time: the same id asked for twice at once must be seen by the second question
        async with self.submitting:
            state = await self.api.job(watch.prompt_id) if reconcile else None
            if state is not None and state.status in ("completed", "in_progress", "pending"):
                watch.accepted = watch.adopted = True
                return watch.decide(state)
            if state is not None and state.status in ("failed", "cancelled"):
                await self.api.delete_history(watch.prompt_id)
            await self._post(watch, previews)
        return None

    async def _post(self, watch: PromptWatch, previews: bool) -> None:
        body: dict[str, Any] = {
            "prompt": watch.workflow,
            "prompt_id": watch.prompt_id,
            "client_id": self.connection.client_id,
        }
        watch.sent_as = self.connection.client_id
        if previews:
            body["extra_data"] = {"preview_method": PREVIEW_METHOD}
        try:
            await to_the_end(self.api.submit(body))
        except failures.ServerFailure:
            # the answer may be lost and the prompt not
            if not await self._arrived(watch.prompt_id):
                raise
        watch.accepted = True

    async def _arrived(self, prompt_id: str) -> bool:
        try:
            return (await self.api.job(prompt_id)).status != "missing"
        except failures.ServerFailure:
            return False

    async def _collect(self, finished: Finished) -> Generated:
        files = [Picture(without_texts(await self.api.view(file)), file.filename) for file in finished.files]
        streamed = [Picture(without_texts(data), f"{n:05}.png") for n, data in enumerate(finished.streamed, 1)]
        return Generated((*files, *streamed), finished.gpu_seconds, finished.load_seconds, finished.cached)

    async def _abandon(self, watch: PromptWatch) -> None:
        others = [other for other in self._watches_of(watch.prompt_id) if other is not watch]
        sent = watch.accepted or watch.sent_as is not None
        if not sent or watch.over or others or watch.prompt_id in self.detached:
            return
        with contextlib.suppress(PostgenError, TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self.api.cancel(watch.prompt_id)

    def _watches_of(self, prompt_id: str) -> list[PromptWatch]:
        return [watch for watch in self.watches if watch.prompt_id == prompt_id]

    def _dispatch(self, message: Message) -> None:
        if isinstance(message, Status):
            self._queue_changed(message.queue_remaining)
            return
        for watch in self._watches_of(message.prompt_id):
            watch.put(message)

    def _queue_changed(self, remaining: int) -> None:
        """A prompt that somebody deleted while it waited gets no event: the queue is just shorter than it should be."""
        ours = [watch for watch in self.watches if watch.accepted and not watch.over]
        vanished = remaining < len({watch.prompt_id for watch in ours})
        for watch in ours:
            if watch.adopted or vanished:
                watch.put(QueueMoved())

    def _connection_changed(self, connected: bool) -> None:
        for watch in self.watches:
            watch.put(Connected(self.connection.client_id) if connected else Disconnected())
        if self.on_connection is not None:
            self.on_connection(connected)


async def to_the_end(call: Coroutine[Any, Any, None]) -> None:
    """A cancel waits until the call is answered: otherwise the prompt could arrive after the cancel of it."""
    task = asyncio.ensure_future(call)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=STOP_SECONDS)
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()
        raise
