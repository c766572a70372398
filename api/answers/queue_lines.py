"""The lines at the queues, as this process knows them: looked at anew for each answer while they are short, and for
long ones so seldom that looking never takes a noticeable part of the time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.queue import queue_position
from jobs.db.queue.queue_position import Line, Outlook
from jobs.db.work.jobs import Job

# up to here a look costs little, and every place is exact
SHORT = 100
# a long line is looked at again after so many times as long as the look took
REST = 20
LONGEST_REST = 10.0


@dataclass(frozen=True)
class Seen:
    line: Line
    good_until: float


class QueueLines:
    """One a process. Of a long line, what it tells is a moment old and within a thousandth of the truth."""

    def __init__(self, rest: float = REST) -> None:
        self._rest = rest
        self._seen: dict[str, Seen] = {}

    async def outlooks(self, connection: AsyncConnection, jobs: Sequence[Job]) -> dict[UUID, Outlook]:
        """For those of the jobs that wait."""
        waiting = [job for job in jobs if job.status == "pending"]
        lines = {queue: await self._line(connection, queue) for queue in sorted({job.queue for job in waiting})}
        workflows = {job.workflow for job in waiting if job.workflow}
        known = await queue_position.drawing_seconds(connection, workflows)
        return {job.id: lines[job.queue].outlook(job, known.get(job.workflow or "")) for job in waiting}

    async def _line(self, connection: AsyncConnection, queue: str) -> Line:
        seen = self._seen.get(queue)
        now = time.monotonic()
        if seen and now < seen.good_until:
            return seen.line
        if seen:
            # whoever else asks meanwhile makes do with the old one
            self._seen[queue] = Seen(seen.line, now + LONGEST_REST)
        found = await queue_position.line(connection, queue)
        ended = time.monotonic()
        if found.total > SHORT:
            self._seen[queue] = Seen(found, ended + min(LONGEST_REST, self._rest * (ended - now)))
        else:
            self._seen.pop(queue, None)
        return found
