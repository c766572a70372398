"""The one way in: validate, choose the queue, insert the job, make its ticket - in the caller's transaction."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.personas import Personas
from jobs.companion.wallet.accounts import Wallet
from jobs.db import dialogs, job_retry
from jobs.db import jobs as job_rows
from jobs.db import lanes as lane_rows
from jobs.db.jobs import Job
from jobs.enqueue import Ticket, enqueue, withdraw
from jobs.errors import Conflict, NotFound
from jobs.kinds import generate_image, registry
from jobs.kinds.contract import NewJob
from jobs.lanes import away
from jobs.lanes.choice import Choice, choose, rank
from jobs.lanes.drawing import Drawing, drawing_of
from jobs.lanes.fairness import ticket_priority
from jobs.settings import EconomySettings, LaneSettings, MediaSettings, load
from jobs.webhooks.plan import announce


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
        self, lanes: LaneSettings, media: MediaSettings, personas: Personas, economy: EconomySettings | None = None
    ) -> None:
        self.wallet = Wallet(economy or load(EconomySettings))
        self.lanes = lanes
        self.personas = personas
        self.result_ttl = media.result_ttl

    async def submit(self, connection: AsyncConnection, new: NewJob) -> Job:
        """Raises InvalidInput, or Misconfigured when nothing could run it; the caller's rollback leaves no trace."""
        checked = await self._with_seed(connection, registry.parse_input(new.kind, new.input))
        place = await self._place(connection, new, checked)
        await self.wallet.charge_job(connection, new)
        priority = ticket_priority(new.priority, place.turn)
        [ticket_id] = await enqueue(connection, [ticket(new.id, place.queue, priority, new.run_at)])
        job = await job_rows.insert(
            connection,
            id=new.id,
            kind=new.kind,
            owner=new.owner,
            input=checked.model_dump(mode="json", exclude_none=True),
            queue=place.queue,
            turn=place.turn,
            workflow=place.drawing.workflow if place.drawing else None,
            model=place.drawing.model if place.drawing else None,
            lane=str(place.choice) if place.choice else None,
            priority=new.priority,
            ticket_id=ticket_id,
            parent_id=new.parent_id,
            root_id=new.root_id,
            dialog_id=new.dialog_id,
            destination=new.destination,
            metadata=new.metadata,
            run_at=new.run_at,
            deadline=new.deadline,
        )
        if place.choice and not place.choice.reachable:
            await away.tell(connection, job.destination, job.id)
        await announce(connection, job, "job.created")
        return job

    async def queue_for_retry(self, connection: AsyncConnection, job: Job, *, elsewhere: bool = False) -> str:
        """A picture may be tried on another lane than the one that failed it; `elsewhere`: it should, if there is."""
        if job.model is None:
            return job.queue
        able = [lane for lane in await rank(connection, self.lanes, job.model) if lane.reachable]
        best = sorted(able, key=lambda lane: elsewhere and lane.queue == job.queue)
        return best[0].queue if best else job.queue

    async def cancel(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        """Cancel a waiting job now, ask a running one to stop; a finished one stays as it is. Raises NotFound."""
        job = await job_rows.get(connection, job_id)
        if job is None or job.owner != owner:
            raise NotFound(f"There is no job {job_id}.")
        cancelled = await self.cancel_waiting(connection, job_id)
        asked = None if cancelled else await job_rows.request_cancel(connection, job_id)
        if asked:
            await announce(connection, asked, "job.cancelling")
        if asked and asked.ticket_id is not None:
            await withdraw(connection, asked.ticket_id)
        return cancelled or asked or await job_rows.get(connection, job_id) or job

    async def cancel_waiting(self, connection: AsyncConnection, job_id: UUID) -> Job | None:
        """Cancel a job that nobody runs, and undo what was done for it; None for any other, which stays as it is."""
        cancelled = await job_rows.cancel_waiting(connection, job_id, self.result_ttl)
        if cancelled and cancelled.dialog_id is not None:
            await dialogs.release(connection, cancelled.dialog_id, job_id)
        if cancelled:
            await self.wallet.refund_job(connection, cancelled)
            await announce(connection, cancelled, "job.cancelled")
        if cancelled and cancelled.ticket_id is not None:
            await withdraw(connection, cancelled.ticket_id)
        return cancelled

    async def retry(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        """Start a job anew that ended without a result. Raises NotFound, and Conflict for a job in any other state."""
        job = await job_rows.get(connection, job_id)
        if job is None or job.owner != owner:
            raise NotFound(f"There is no job {job_id}.")
        if job.status in job_retry.RETRYABLE:
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
            f"This job is {job.status}. Only a job that failed, was cancelled or expired can be tried again.",
            code="not_retryable",
        )

    async def _with_seed(self, connection: AsyncConnection, checked: BaseModel) -> BaseModel:
        """The same moment of a dialog gives the same picture, and asked for again it is there already."""
        if not isinstance(checked, generate_image.Input) or checked.dialog_id is None or checked.seed is not None:
            return checked
        messages = await dialogs.message_count(connection, checked.dialog_id)
        return checked.model_copy(update={"seed": seed_of_moment(checked.dialog_id, messages)})

    async def _place(self, connection: AsyncConnection, new: NewJob, checked: BaseModel) -> Place:
        if not isinstance(checked, generate_image.Input):
            return Place(registry.find(new.kind).QUEUE)
        drawing = drawing_of(self.personas, checked.persona, checked.width, checked.height)
        choice = await choose(connection, self.lanes, drawing.model)
        return Place(choice.queue, await lane_rows.next_turn(connection, choice.queue, new.owner), choice, drawing)


def seed_of_moment(dialog_id: int, messages: int) -> int:
    digest = hashlib.sha256(f"{dialog_id}:{messages}".encode()).digest()
    return int.from_bytes(digest[:8]) & generate_image.LARGEST_SEED


def ticket(job_id: UUID, queue: str, priority: int = 0, run_at: datetime | None = None) -> Ticket:
    """Carries the job to a worker of `queue`, not before `run_at`."""
    later = run_at if run_at and run_at > datetime.now(UTC) else None
    arguments: dict[str, Any] = {"job_id": str(job_id)}
    return Ticket("run_job", arguments, queue, priority=priority, run_at=later)
