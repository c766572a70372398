"""The one way in: validate, choose the queue, insert the job, make its ticket - in the caller's transaction."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import lanes
from jobs.db import dialogs
from jobs.db import jobs as job_rows
from jobs.db.jobs import Job
from jobs.enqueue import Ticket, enqueue, withdraw
from jobs.errors import NotFound
from jobs.kinds import registry
from jobs.kinds.contract import NewJob
from jobs.settings import LaneSettings, MediaSettings


class Intake:
    """Built once in each process that accepts work: the doors, and the workers for jobs that follow from jobs."""

    def __init__(self, lanes: LaneSettings, media: MediaSettings) -> None:
        self.lanes = lanes
        self.result_ttl = media.result_ttl

    async def submit(self, connection: AsyncConnection, new: NewJob) -> Job:
        """Raises InvalidInput, or Misconfigured when nothing could run it; the caller's rollback leaves no trace."""
        checked = registry.parse_input(new.kind, new.input)
        queue = await self._queue(connection, new.kind)
        [ticket_id] = await enqueue(connection, [ticket(new.id, queue, new.priority, new.run_at)])
        return await job_rows.insert(
            connection,
            id=new.id,
            kind=new.kind,
            owner=new.owner,
            input=checked.model_dump(mode="json", exclude_none=True),
            queue=queue,
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

    async def cancel(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        """Cancel a pending job now, ask a running one to stop; a finished one stays as it is. Raises NotFound."""
        job = await job_rows.get(connection, job_id)
        if job is None or job.owner != owner:
            raise NotFound(f"There is no job {job_id}.")
        cancelled = await job_rows.cancel_pending(connection, job_id, self.result_ttl)
        if cancelled and cancelled.dialog_id is not None:
            await dialogs.release(connection, cancelled.dialog_id, job_id)
        changed = cancelled or await job_rows.request_cancel(connection, job_id)
        if changed and changed.ticket_id is not None:
            await withdraw(connection, changed.ticket_id)
        return changed or await job_rows.get(connection, job_id) or job

    async def _queue(self, connection: AsyncConnection, kind: str) -> str:
        queue = registry.find(kind).QUEUE
        return await lanes.choose(connection, self.lanes) if queue == "image" else queue


def ticket(job_id: UUID, queue: str, priority: int = 0, run_at: datetime | None = None) -> Ticket:
    """Carries the job to a worker of `queue`, not before `run_at`."""
    later = run_at if run_at and run_at > datetime.now(UTC) else None
    arguments: dict[str, Any] = {"job_id": str(job_id)}
    return Ticket("run_job", arguments, queue, priority=priority, run_at=later)
