"""The one way in: validate, choose the queue, insert the job, make its ticket - in the caller's transaction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.personas import Personas
from jobs.db import dialogs
from jobs.db import jobs as job_rows
from jobs.db import lanes as lane_rows
from jobs.db.jobs import Job
from jobs.enqueue import Ticket, enqueue, withdraw
from jobs.errors import NotFound
from jobs.kinds import generate_image, registry
from jobs.kinds.contract import NewJob
from jobs.lanes.choice import Choice, choose
from jobs.lanes.drawing import Drawing, drawing_of
from jobs.lanes.fairness import ticket_priority
from jobs.settings import LaneSettings, MediaSettings


@dataclass(frozen=True)
class Place:
    """Where a job will wait, and before whom."""

    queue: str
    turn: int = 0
    choice: Choice | None = None
    drawing: Drawing | None = None


class Intake:
    """Built once in each process that accepts work: the doors, and the workers for jobs that follow from jobs."""

    def __init__(self, lanes: LaneSettings, media: MediaSettings, personas: Personas) -> None:
        self.lanes = lanes
        self.personas = personas
        self.result_ttl = media.result_ttl

    async def submit(self, connection: AsyncConnection, new: NewJob) -> Job:
        """Raises InvalidInput, or Misconfigured when nothing could run it; the caller's rollback leaves no trace."""
        checked = registry.parse_input(new.kind, new.input)
        place = await self._place(connection, new, checked)
        priority = ticket_priority(new.priority, place.turn)
        [ticket_id] = await enqueue(connection, [ticket(new.id, place.queue, priority, new.run_at)])
        return await job_rows.insert(
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

    async def queue_for_retry(self, connection: AsyncConnection, job: Job) -> str:
        """A picture may be tried on another lane than the one that failed it."""
        if job.model is None:
            return job.queue
        choice = await choose(connection, self.lanes, job.model)
        return choice.queue if choice.reachable else job.queue

    async def cancel(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        """Cancel a waiting job now, ask a running one to stop; a finished one stays as it is. Raises NotFound."""
        job = await job_rows.get(connection, job_id)
        if job is None or job.owner != owner:
            raise NotFound(f"There is no job {job_id}.")
        cancelled = await job_rows.cancel_waiting(connection, job_id, self.result_ttl)
        if cancelled and cancelled.dialog_id is not None:
            await dialogs.release(connection, cancelled.dialog_id, job_id)
        changed = cancelled or await job_rows.request_cancel(connection, job_id)
        if changed and changed.ticket_id is not None:
            await withdraw(connection, changed.ticket_id)
        return changed or await job_rows.get(connection, job_id) or job

    async def _place(self, connection: AsyncConnection, new: NewJob, checked: BaseModel) -> Place:
        if not isinstance(checked, generate_image.Input):
            return Place(registry.find(new.kind).QUEUE)
        drawing = drawing_of(self.personas, checked.persona, checked.width, checked.height)
        choice = await choose(connection, self.lanes, drawing.model)
        return Place(choice.queue, await lane_rows.next_turn(connection, choice.queue, new.owner), choice, drawing)


def ticket(job_id: UUID, queue: str, priority: int = 0, run_at: datetime | None = None) -> Ticket:
    """Carries the job to a worker of `queue`, not before `run_at`."""
    later = run_at if run_at and run_at > datetime.now(UTC) else None
    arguments: dict[str, Any] = {"job_id": str(job_id)}
    return Ticket("run_job", arguments, queue, priority=priority, run_at=later)
