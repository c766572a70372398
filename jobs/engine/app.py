"""The App whose workers are ours: opens what their tasks need, and says in one sentence what is missing."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from procrastinate import App
from procrastinate.app import WorkerOptions

from jobs.connector import QueueConnector
from jobs.engine.worker import QueueRoom, QueueWorker
from jobs.errors import Misconfigured
from jobs.lanes.gates import Gates

OpenContext = Callable[[frozenset[str]], AbstractAsyncContextManager[dict[str, Any]]]


@asynccontextmanager
async def nothing_to_open(queues: frozenset[str]) -> AsyncIterator[dict[str, Any]]:
    del queues
    yield {}


class QueueApp(App):
    """`open_context` gets a worker's queues (empty: all) and yields the `additional_context` of its tasks.

    `queue_room` says how many tickets of a queue a worker of so much concurrency may run at a time.
    `limits` says how many of a queue may run in all workers together, where that is limited.
    `gates` shut queues for a while, and hear of those that ran dry.
    `all_queues` names what a worker serves that was not told its queues, `served_with` what it serves along with one.
    `late_defaults` gives worker options that must be read from the environment when a worker starts.
    """

    def __init__(
        self,
        *,
        connector: QueueConnector,
        open_context: OpenContext = nothing_to_open,
        queue_room: QueueRoom = lambda queue, concurrency: concurrency,
        late_defaults: Callable[[], WorkerOptions] = WorkerOptions,
        all_queues: Callable[[], list[str]] = list,
        served_with: Mapping[str, Sequence[str]] | None = None,
        limits: Callable[[], dict[str, int]] = dict,
        gates: Gates | None = None,
        worker_defaults: WorkerOptions | None = None,
    ) -> None:
        super().__init__(connector=connector, worker_defaults=worker_defaults)
        self.queue_connector = connector
        self.open_context = open_context
        self.queue_room = queue_room
        self.late_defaults = late_defaults
        self.all_queues = all_queues
        self.served_with = served_with or {}
        self.limits = limits
        self.gates = gates or Gates()

    async def run_worker_async(self, **options: Any) -> None:
        """Raises Misconfigured, without a traceback's worth of causes, when the worker cannot start."""
        problem = ""
        try:
            options = {**self.late_defaults(), **options}
            options["queues"] = self._all_of(options.get("queues") or self.all_queues()) or None
            async with self.open_context(frozenset(options.get("queues") or ())) as context:
                await super().run_worker_async(**{**options, "additional_context": context})
        except Misconfigured as error:
            problem = error.detail
        if problem:
            # outside of the handler: the command line prints an error's whole ancestry
            raise Misconfigured(problem)

    def _all_of(self, queues: Iterable[str]) -> list[str]:
        told = list(queues)
        along = (other for queue in told for other in self.served_with.get(queue, ()))
        return list(dict.fromkeys([*told, *along]))

    def _worker(self, **options: Any) -> QueueWorker:
        return QueueWorker(self, queue_room=self.queue_room, **{**self.worker_defaults, **options})
