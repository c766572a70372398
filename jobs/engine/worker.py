"""A procrastinate worker that nothing but a signal ends: fetches per queue, runs tickets, drains in good order."""

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.job_context import AbortReason, JobContext
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.manager import get_channel_for_queues
from procrastinate.worker import Worker

from jobs.connector import QueueConnector
from jobs.engine import fetch, statements
from jobs.engine.admission import Admission
from jobs.engine.attempt import attempt
from jobs.engine.giving_way import AGAIN_SECONDS, to_give_way
from jobs.engine.indexes import make_missing_indexes
from jobs.engine.ledger import Ledger
from jobs.engine.outcome import BACK, Outcome
from jobs.engine.pulse import Pulse
from jobs.engine.reconciliation import Reconciliation
from jobs.engine.side_tasks import SideTask, beside, pause
from jobs.engine.signals import on_signal
from jobs.seat import Seat

if TYPE_CHECKING:
    from jobs.engine.app import QueueApp

log = logging.getLogger(__name__)

# tickets of one queue that may run beside those that have a place in it
MOST_AFTERWORK = 8

# how many tickets of a queue one worker of so much concurrency may run at a time
QueueRoom = Callable[[str, int], int]


class QueueWorker(Worker):
    """`concurrency` holds for each queue by itself, and `queue_room` may change it: no queue blocks another."""

    app: "QueueApp"
    ledger: Ledger
    pulse: Pulse
    reconciliation: Reconciliation
    # seconds after the grace time: for cancelled tickets to put things in order, and for the database to hear of it
    parting = 5.0

    def __init__(self, app: "QueueApp", *, queue_room: QueueRoom, **options: Any) -> None:
        super().__init__(app, **options)
        self.queues = list(dict.fromkeys(self.queues)) if self.queues else None
        self.admission = Admission(self._room(queue_room))
        # for all workers together: a place that another one frees is found by the next look
        self.limits = app.limits()
        self.gates = app.gates
        self.gates.on_open = self._new_job_event.set
        self.fetching = asyncio.Lock()
        # how often: one that was given back may be here again before its first run is off the books
        self.known: Counter[int] = Counter()
        # tickets that gave up their place in their queue, and do only what needs no place
        self.left: dict[int, str] = {}
        # tickets that have not begun what they are for
        self.waiting: set[int] = set()
        # those of them that let somebody go first
        self.giving_way: set[int] = set()
        self.hurry = asyncio.Event()
        self.failed_fetches = 0

    @property
    def connector(self) -> QueueConnector:
        return self.app.queue_connector

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]  # procrastinate leaves it untyped
        if self._loop:
            self._loop.call_soon_threadsafe(self._leave_off)

    def _leave_off(self) -> None:
        self._new_job_event.set()
        if self._loop and self.fetching.locked():
            self._loop.call_later(1.0, self._abandon_fetch)

    def _abandon_fetch(self) -> None:
        """A silent network would hold up the stop. Whatever the fetch took is given back by others."""
        if self.fetching.locked():
            self.connector.sever()

    async def run(self) -> None:
        """Until stopped, or with `wait=False` until nothing is left to do."""
        self._stop_event.clear()
        self._loop = asyncio.get_running_loop()
        self.run_task = asyncio.current_task()
        life = asyncio.create_task(self._live(), name="worker life")
        try:
            await asyncio.shield(life)
        except asyncio.CancelledError:
            self.stop()
            await life
            raise
        finally:
            self._loop = None

    async def _live(self) -> None:
        with on_signal(self._signalled) if self.install_signal_handlers else contextlib.nullcontext():
            async with self._registered() as worker_id:
                await self._live_as(worker_id)

    async def _live_as(self, worker_id: int) -> None:
        self.ledger = Ledger(
            self.connector, worker_id,
            keep=self.delete_jobs is DeleteJobCondition.NEVER, on_settled=self._settled,
        )  # fmt: skip
        self.pulse = Pulse(
            self.connector, worker_id, interval=self.update_heartbeat_interval,
            name=self.worker_name or "worker", queues=list(self.queues or []),
        )  # fmt: skip
        self.reconciliation = Reconciliation(
            self.connector, worker_id, interval=min(self.abort_job_polling_interval, self.update_heartbeat_interval),
            fetching=self.fetching, known=self.known, on_abort=self._handle_abort_jobs_requested,
        )  # fmt: skip
        # cancelled, a statement would wait for the database to confirm that; severed, it ends at once
        async with beside(self._side_tasks(), before_end=self.connector.leave):
            try:
                await self._serve(worker_id)
            finally:
                await self._drain()

    @contextlib.asynccontextmanager
    async def _registered(self) -> AsyncIterator[int]:
        [row] = await self.connector.insist(statements.REGISTER)
        self.worker_id = worker_id = row["worker_id"]
        try:
            yield worker_id
        finally:
            severing = asyncio.get_running_loop().call_later(self.parting, self.connector.sever)
            # if the database is away: without a heartbeat others take over in time
            within = self.parting if self.pulse.steady_since else 0.0
            with contextlib.suppress(ConnectorException, OSError):
                await self.connector.insist(statements.UNREGISTER, within=within, worker_id=worker_id)
            severing.cancel()
            self.worker_id = None

    def _side_tasks(self) -> list[SideTask]:
        side_tasks: list[SideTask] = [self.pulse.run, self.reconciliation.run, self.ledger.run, self._periodic_deferrer]
        if self.queues:
            side_tasks.append(self._make_indexes)
        if self.listen_notify:
            side_tasks.append(self._listen)
        return side_tasks

    async def _serve(self, worker_id: int) -> None:
        while not self._stop_event.is_set():
            # before the fetch: what is announced during it must lead to another one
            self._new_job_event.clear()
            try:
                may_be_more = await self._fetch(worker_id) or await self._make_way()
            except UniqueViolation:
                # another worker started a ticket of the same lock at the same moment
                await asyncio.sleep(0)
                continue
            except (ConnectorException, OSError) as error:
                await pause(self._fetch_failed(error), self._new_job_event)
                continue
            self.failed_fetches = 0
            if may_be_more:
                continue
            if not self.wait and not self.known:
                self.stop()
            await pause(self.fetch_job_polling_interval, self._new_job_event)

    def _fetch_failed(self, error: Exception) -> float:
        """How long to wait before the next try: hardly at all when only the connection was stale."""
        # an answer that was lost may have named a ticket
        self.reconciliation.due.set()
        if not self.failed_fetches:
            log.warning("no tickets can be fetched for now: %s", " ".join(str(error.__cause__ or error).split()))
        self.failed_fetches += 1
        return min(self.connector.patience.pause, 0.025 * 2.0 ** min(self.failed_fetches, 10))

    async def _fetch(self, worker_id: int) -> bool:
        """Whether another one may find more: what is new from now on, and a place that gets free, wakes this worker."""
        wanted = {queue: count for queue, count in self.admission.wanted().items() if self.gates.is_open(queue)}
        if not wanted:
            return False
        async with self.fetching:
            rows = await self.connector.run(fetch.statement(wanted, self.limits), worker_id=worker_id)
            jobs = [Job.from_row(row) for row in sorted(rows, key=_rank)]
            found = [job.queue for job in jobs]
            may_be_more = self.admission.fetched(wanted, found)
            for job in jobs:
                self._start(job)
        for queue, count in wanted.items():
            if queue is not None and found.count(queue) < count:
                self.gates.on_dry(queue)
        return may_be_more

    async def _make_way(self) -> int:
        """Have those end that only keep a place from somebody who goes far before them. Fetches nothing."""
        full = {queue for queue, room in self.admission.room.items() if room <= 0}
        waiting = [
            context.job
            for context in self._running_jobs.values()
            if context.job.id in self.waiting - self.giving_way and context.job.queue in full
        ]
        chosen = await to_give_way(self.connector, waiting) if waiting else []
        for task, context in list(self._running_jobs.items()):
            # it may have begun meanwhile
            if context.job.id in chosen and context.job.id in self.waiting:
                self.giving_way.add(context.job.id)
                task.cancel()
        return 0

    def _start(self, job: Job) -> None:
        assert job.id is not None, "it has a row"
        self.known[job.id] += 1
        context = JobContext(
            app=self.app,
            worker_name=self.worker_name,
            worker_queues=self.queues,
            additional_context={
                **(self.additional_context or {}),
                "steady_for": self.pulse.steady_for,
                "seat": Seat(partial(self._leave_seat, job), partial(self._waits, job)),
            },
            job=job,
            abort_reason=lambda: self._job_ids_to_abort.get(job.id or 0),
            start_timestamp=time.time(),
        )
        task = asyncio.create_task(attempt(self, context), name=f"{job.task_name}[{job.id}]")
        self._running_jobs[task] = context
        task.add_done_callback(self._ended)
        if self._stop_event.is_set():
            # fetched while the stop came
            self._abort_job(task, context, AbortReason.SHUTDOWN)

    def _ended(self, task: asyncio.Task[Outcome]) -> None:
        job = self._running_jobs.pop(task).job
        # cancelled before its first step
        outcome = BACK if task.cancelled() else task.result()
        gave_way = job.id in self.giving_way and outcome.kind != "done"
        self.ledger.put(job, Outcome("later", AGAIN_SECONDS) if gave_way else outcome)
        self.giving_way.discard(job.id or 0)
        self.waiting.discard(job.id or 0)
        if self.left.pop(job.id or 0, None) is None:
            self._make_room(job.queue)

    def _leave_seat(self, job: Job) -> None:
        """Its place is for the next one from now on, unless too many have gone so already: what they do takes long."""
        assert job.id is not None, "it has a row"
        if job.id in self.left or list(self.left.values()).count(job.queue) >= MOST_AFTERWORK:
            return
        self.left[job.id] = job.queue
        self._make_room(job.queue)

    def _waits(self, job: Job, waits: bool) -> None:
        assert job.id is not None, "it has a row"
        if not waits:
            self.waiting.discard(job.id)
            return
        self.waiting.add(job.id)
        if self._stop_event.is_set():
            self._return_waiting()

    def _return_waiting(self) -> None:
        """Whoever has not begun need not be waited for: another worker may begin it now."""
        for task, context in list(self._running_jobs.items()):
            if context.job.id in self.waiting:
                self._abort_job(task, context, AbortReason.SHUTDOWN)

    def _make_room(self, queue: str) -> None:
        if self.admission.leave(queue):
            self._new_job_event.set()

    def _settled(self, job: Job) -> None:
        assert job.id is not None, "it has a row"
        self.known -= Counter([job.id])
        self._job_ids_to_abort.pop(job.id, None)
        if not self.wait or job.queue in self.limits:
            self._new_job_event.set()

    async def _drain(self) -> None:
        """Wait for what runs, then cancel it and give it back. Heartbeats and cancellations go on meanwhile."""
        self.stop()
        self._return_waiting()
        hurry = asyncio.create_task(self.hurry.wait())
        grace = self.shutdown_graceful_timeout
        deadline = None if grace is None else time.monotonic() + grace
        while self._running_jobs and not hurry.done():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            await asyncio.wait({*self._running_jobs, hurry}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        for task, context in list(self._running_jobs.items()):
            self._abort_job(task, context, AbortReason.SHUTDOWN)
        if self._running_jobs:
            await asyncio.wait(set(self._running_jobs), timeout=self.parting)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.parting):
                await self.ledger.empty.wait()

    def _signalled(self) -> None:
        """The first signal lets running tickets end, the second one cancels them."""
        if self._stop_event.is_set():
            self.hurry.set()
        self.stop()

    async def _listen(self) -> None:
        channels = list(get_channel_for_queues(self.queues))
        await self.connector.listen(self._notified, channels, self._listening)

    async def _notified(self, *, channel: str, payload: str) -> None:
        await self._handle_notification(channel=channel, notification=json.loads(payload))

    async def _listening(self) -> None:
        """Whatever was announced before went unheard."""
        self._new_job_event.set()
        self.pulse.due.set()
        self.reconciliation.due.set()

    async def _periodic_deferrer(self) -> None:
        """Only where the periodic tickets are also consumed: elsewhere they would pile up."""
        queues = {task.configure_kwargs.get("queue") or task.task.queue for task in self._periodic_tasks()}
        if self.queues is None or queues <= set(self.queues):
            await super()._periodic_deferrer()  # type: ignore[no-untyped-call]  # as above

    def _periodic_tasks(self) -> list[Any]:
        return list(self.app.periodic_registry.periodic_tasks.values())

    async def _make_indexes(self) -> None:
        if self.connector.connections and self.queues:
            await make_missing_indexes(self.connector.connections, list(self.queues))

    def _room(self, queue_room: QueueRoom) -> dict[str | None, int]:
        if not self.queues:
            return {None: self.concurrency}
        return {queue: queue_room(queue, self.concurrency) for queue in self.queues}


def _rank(row: dict[str, Any]) -> tuple[int, int]:
    return -row["priority"], row["id"]
