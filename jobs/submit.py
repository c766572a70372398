"""The one way in: validate, choose the queue, insert the job, make its ticket - in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion import picture_progress
from jobs.companion.personas import Personas
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.prices import payer
from jobs.db.chats.chat_deliveries import FRESH_HOURS
from jobs.db.dialog import dialogs
from jobs.db.dialog.dialog_pictures import seed_of_moment
from jobs.db.gpu import lanes as lane_rows
from jobs.db.queue import queue_turns
from jobs.db.work import job_retry
from jobs.db.work import jobs as job_rows
from jobs.db.work import trees as tree_rows
from jobs.db.work.jobs import Job, Json
from jobs.enqueue import Ticket, enqueue, stop_running, withdraw
from jobs.errors import Conflict, NotFound
from jobs.imaging import place as places
from jobs.imaging.letting_go import let_go
from jobs.kinds import generate_image, registry
from jobs.kinds.contract import Further, NewJob
from jobs.lanes import away
from jobs.lanes.choice import Choice
from jobs.lanes.drawing import Drawing, drawing_of
from jobs.lanes.fairness import ticket_priority
from jobs.queues import TAKING_TURNS, lane_queues
from jobs.safety import at_door
from jobs.safety.settings import SafetySettings
from jobs.settings import EconomySettings, ImageSettings, LaneSettings, MediaSettings, load
from jobs.trees.keeping import Trees
from jobs.webhooks.plan import announce

# then what was paid comes back, and whoever asked is told
LONGEST_CHAT_WAIT = timedelta(hours=FRESH_HOURS)


@dataclass(frozen=True)
class Place:
    """Where a job will wait, and before whom."""

    queue: str
    turn: int = 0
    choice: Choice | None = None
    drawing: Drawing | None = None


class Intake:
    """Built once in each process that accepts work: the doors, and the workers for jobs that follow from jobs."""

    def __init__(
        self,
        lanes: LaneSettings,
        media: MediaSettings,
        personas: Personas,
        economy: EconomySettings | None = None,
        *,
        images: ImageSettings | None = None,
        at_door: bool = True,
    ) -> None:
        self.wallet = Wallet(economy or load(EconomySettings))
        self.lanes = lanes
        self.images = images or load(ImageSettings)
        self.personas = personas
        self.result_ttl = media.result_ttl
        self.trees = Trees(self.wallet, self.result_ttl, self._go_on)
        # what follows from a job in a worker is looked at when it runs, and must not undo that job's end
        self.at_door = at_door
        self.blocks_limit = load(SafetySettings).limit

    @property
    def draws(self) -> bool:
        """Whether there is anything here that draws pictures."""
        return bool(lane_queues(self.lanes) or self.images.remote)

    async def submit(self, connection: AsyncConnection, new: NewJob) -> Job:
        """Raises InvalidInput, or Misconfigured when nothing could run it; the caller's rollback leaves no trace.

        At a door also ContentBlocked and AgeNotConfirmed.
        """
        return (await self.accept(connection, new)).job

    async def accept(
        self, connection: AsyncConnection, new: NewJob, *, apart: Sequence[str] | None = None
    ) -> job_rows.Accepted:
        """As `submit`, and what its person had open before; `apart`: how much of that is of these kinds."""
        new = _bounded(new)
        checked = await self._with_seed(connection, registry.parse_input(new.kind, new.input))
        if self.at_door:
            persona = self.personas.all.get(str(getattr(checked, "persona", "")).lower())
            await at_door.require_allowed(connection, new.owner, persona, checked)
        place = await self._place(connection, new, checked)
        await self.wallet.charge_job(connection, new)
        lane, row = str(place.choice) if place.choice else None, _row(new, checked, place)
        accepted = await job_rows.accept(connection, _first_ticket(new, place), lane=lane, apart=apart, **row)
        job = accepted.job
        if place.choice and not place.choice.reachable:
            await away.tell(connection, job.destination, job.id)
        await announce(connection, job, "job.created")
        return accepted

    async def submit_children(self, connection: AsyncConnection, parent: Job, children: Sequence[NewJob]) -> list[Job]:
        """Below a job that completes in this transaction: nobody pays for them again, and few statements make many."""
        prepared = []
        taken: dict[str, int] = {}
        if parent.queue in TAKING_TURNS and any(parent.queue == registry.find(each.kind).QUEUE for each in children):
            # many steps of a tree end at a time, and each brings more into this queue
            await queue_turns.one_by_one(connection, parent.queue, parent.owner)
        for child in children:
            new = below(parent, child)
            checked = await self._with_seed(connection, registry.parse_input(new.kind, new.input))
            prepared.append((new, checked, await self._place(connection, new, checked, taken)))
        tickets = await enqueue(connection, [_first_ticket(new, place) for new, _, place in prepared])
        rows = [_row(*each) | {"ticket_id": ticket_id} for each, ticket_id in zip(prepared, tickets, strict=True)]
        return await tree_rows.plant(connection, rows)

    async def _go_on(self, connection: AsyncConnection, root: Job) -> Further:
        """What its kind does now that all steps have ended; the steps that it names are submitted."""
        after = registry.AFTER_STEPS.get(root.kind)
        further = await after(connection, root) if after else Further()
        if further.steps:
            await self.submit_children(connection, root, further.steps)
        return further

    async def queue_for_retry(self, connection: AsyncConnection, job: Job, *, elsewhere: bool = False) -> str:
        """A picture may be tried elsewhere than where it failed; `elsewhere`: it should, if there is another place."""
        if job.model is None:
            return job.queue
        return await places.choose_again(connection, self.lanes, self.images, job, elsewhere=elsewhere)

    async def cancel(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        """Cancel a waiting job now, ask a running one to stop; a finished one stays as it is. Raises NotFound."""
        job = await _own(connection, job_id, owner)
        if (job.root_id or job.ran_at) and await self.trees.cancel(connection, job):
            return await job_rows.get(connection, job_id) or job
        cancelled = await self.cancel_waiting(connection, job_id)
        asked = None if cancelled else await job_rows.request_cancel(connection, job_id)
        if asked:
            await announce(connection, asked, "job.cancelling")
        if asked and asked.ticket_id is not None:
            await stop_running(connection, [asked.ticket_id])
        if asked and asked.waits_for_steps:
            await self.trees.settle(connection, job_id)  # it has steps since it was looked at
        return cancelled or asked or await job_rows.get(connection, job_id) or job

    async def cancel_waiting(self, connection: AsyncConnection, job_id: UUID) -> Job | None:
        """Cancel a job that nobody runs, and undo what was done for it; None for any other, which stays as it is."""
        cancelled = await job_rows.cancel_waiting(connection, job_id, self.result_ttl)
        if cancelled and cancelled.dialog_id is not None:
            await dialogs.release(connection, cancelled.dialog_id, job_id)
        if cancelled:
            await self.wallet.refund_job(connection, cancelled)
            await let_go(connection, cancelled)
            await picture_progress.clear(connection, cancelled)
            await announce(connection, cancelled, "job.cancelled")
        if cancelled and cancelled.ticket_id is not None:
            await withdraw(connection, cancelled.ticket_id)
        return cancelled

    async def retry(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        """Start a job anew that ended without a result; of a tree what failed at the job and below it.

        Raises NotFound, and Conflict for a job in any other state.
        """
        job = await _own(connection, job_id, owner)
        if (job.root_id or job.ran_at) and (started_below := await self._retry_branch(connection, job)):
            return started_below
        if not await self._is_in_tree(connection, job) and job.status in job_retry.RETRYABLE:
            place = await self._place(
                connection, NewJob(job.kind, job.input, owner), registry.parse_input(job.kind, job.input)
            )
            [ticket_id] = await enqueue(
                connection, [ticket(job.id, place.queue, ticket_priority(job.priority, place.turn))]
            )
            started = await job_retry.start_anew(
                connection, job, queue=place.queue, turn=place.turn, ticket_id=ticket_id
            )
            if started:
                await self.wallet.charge_again(connection, job)
                await announce(connection, started, "job.retried")
                return started
        raise Conflict(
            f"This job is {job.status}. Only a job that failed, was cancelled or expired can be tried again, or one"
            " of whose steps that is true.",
            code="not_retryable",
        )

    async def _retry_branch(self, connection: AsyncConnection, job: Job) -> Job | None:
        """None where there is nothing to try again, or no tree."""
        root = await tree_rows.lock_root(connection, job.root_id or job.id)
        if root is None or root.ran_at is None or (root.waits_for_steps and root.cancel_requested_at):
            return None
        steps = await self.trees.failed_below(connection, root, job.id)
        if not steps and (job.id != root.id or root.status not in job_retry.RETRYABLE):
            return None
        if not root.waits_for_steps:
            await self.trees.reopen(connection, root)
        await self._start_anew(connection, [step.id for step in steps])
        await self.trees.tell(connection, root)
        await self.trees.settle(connection, root.id)
        return await job_rows.get(connection, job.id)

    async def _start_anew(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        found = [job for job_id in ids if (job := await job_rows.get(connection, job_id))]
        if not found:
            return
        found_places: list[Place] = []
        taken: dict[str, int] = {}
        for job in found:
            new = NewJob(job.kind, job.input, job.owner, parent_id=job.parent_id, root_id=job.root_id)
            checked = registry.parse_input(job.kind, job.input)
            found_places.append(await self._place(connection, new, checked, taken))
        again = list(zip(found, found_places, strict=True))
        tickets = await enqueue(
            connection,
            [ticket(job.id, place.queue, ticket_priority(job.priority, place.turn)) for job, place in again],
        )
        rows = [
            {"id": job.id, "queue": place.queue, "turn": place.turn, "ticket_id": ticket_id}
            for (job, place), ticket_id in zip(again, tickets, strict=True)
        ]
        await tree_rows.start_anew(connection, rows)

    async def _is_in_tree(self, connection: AsyncConnection, job: Job) -> bool:
        root = await job_rows.get(connection, job.root_id) if job.root_id else job
        return root is not None and root.ran_at is not None

    async def _with_seed(self, connection: AsyncConnection, checked: BaseModel) -> BaseModel:
        """The same moment of a dialog gives the same picture, and asked for again it is there already."""
        if not isinstance(checked, generate_image.Input) or checked.dialog_id is None or checked.seed is not None:
            return checked
        messages = await dialogs.message_count(connection, checked.dialog_id)
        return checked.model_copy(update={"seed": seed_of_moment(checked.dialog_id, messages)})

    async def _place(
        self, connection: AsyncConnection, new: NewJob, checked: BaseModel, taken: dict[str, int] | None = None
    ) -> Place:
        """`taken`: the turns of those that the same owner brings along, by queue."""
        taken = {} if taken is None else taken
        queue = registry.find(new.kind).QUEUE
        if queue != places.REMOTE:
            return Place(queue, await _turn(connection, queue, new.owner, taken) if queue in TAKING_TURNS else 0)
        persona, width, height = (getattr(checked, name, None) for name in ("persona", "width", "height"))
        drawing = drawing_of(self.personas, persona, width, height)
        choice = await places.choose(connection, self.lanes, self.images, drawing.model)
        if choice is None:
            return Place(places.REMOTE, await _turn(connection, places.REMOTE, new.owner, taken), drawing=drawing)
        return Place(choice.queue, await _turn(connection, choice.queue, new.owner, taken), choice, drawing)


async def _turn(connection: AsyncConnection, queue: str, owner: str, taken: dict[str, int]) -> int:
    """After those that the owner has there, and after those of which the database does not know yet."""
    if queue in taken:
        taken[queue] += 1
    else:
        rows = queue_turns if queue in TAKING_TURNS else lane_rows
        taken[queue] = await rows.next_turn(connection, queue, owner)
    return taken[queue]


def _bounded(new: NewJob) -> NewJob:
    """What a person in a chat asked for does not wait for ever: nothing is news after a day."""
    if new.deadline is not None or new.parent_id is not None or payer(new.owner) is None:
        return new
    return replace(new, deadline=(new.run_at or datetime.now(UTC)) + LONGEST_CHAT_WAIT)


def below(parent: Job, child: NewJob) -> NewJob:
    """The child with what it has from its parent: its owner, its tree, and no more time than that."""
    deadlines = [each for each in (child.deadline, parent.deadline) if each]
    return replace(
        child,
        owner=parent.owner,
        parent_id=parent.id,
        root_id=parent.root_id or parent.id,
        priority=child.priority or parent.priority,
        deadline=min(deadlines, default=None),
    )


async def _own(connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
    job = await job_rows.get(connection, job_id)
    if job is None or job.owner != owner:
        raise NotFound(f"There is no job {job_id}.")
    return job


def _row(new: NewJob, checked: BaseModel, place: Place) -> Json:
    return {
        "id": new.id,
        "kind": new.kind,
        "owner": new.owner,
        "input": checked.model_dump(mode="json", exclude_none=True),
        "queue": place.queue,
        "turn": place.turn,
        "workflow": place.drawing.workflow if place.drawing else None,
        "model": place.drawing.model if place.drawing else None,
        "priority": new.priority,
        "parent_id": new.parent_id,
        "root_id": new.root_id,
        "dialog_id": new.dialog_id,
        "destination": new.destination,
        "metadata": new.metadata,
        "run_at": new.run_at,
        "deadline": new.deadline,
        "stage": new.stage,
        "critical": new.critical,
    }


def _first_ticket(new: NewJob, place: Place) -> Ticket:
    return ticket(new.id, place.queue, ticket_priority(new.priority, place.turn), new.run_at)


def ticket(job_id: UUID, queue: str, priority: int = 0, run_at: datetime | None = None) -> Ticket:
    """Carries the job to a worker of `queue`, not before `run_at`."""
    later = run_at if run_at and run_at > datetime.now(UTC) else None
    arguments: dict[str, Any] = {"job_id": str(job_id)}
    return Ticket("run_job", arguments, queue, priority=priority, run_at=later)
