"""What a stream tells: of one job until it ends, or of all jobs of an account."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi.sse import format_sse_event
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import job_answer
from api.streaming.streams import Batch
from jobs.db.work.jobs import Job
from jobs.events import feed
from jobs.events.cursor import Cursor
from jobs.events.event_view import event_view
from jobs.events.feed import Event

Json = dict[str, Any]

# of a stream; a client that catches up gets them one after the other
PAGE = 50
# open jobs that the account's snapshot shows
SNAPSHOT_JOBS = 100


@dataclass(frozen=True)
class Asked:
    """What a client wants to see. `types`: only these, all without any. `jobs`: the job with each event."""

    types: tuple[str, ...] = ()
    previews: bool = True
    jobs: bool = True
    public_url: str = ""

    async def jobs_as_they_are(self, connection: AsyncConnection, jobs: Sequence[Job]) -> list[Json]:
        return await job_answer.views(connection, jobs, self.public_url)

    async def views(self, connection: AsyncConnection, events: Sequence[Event], *, account: bool) -> list[Json]:
        found = await feed.jobs_of(connection, events) if self.jobs else {}
        shown = await self.jobs_as_they_are(connection, list(found.values()))
        jobs = dict(zip(found, shown, strict=True))
        return [
            event_view(
                event,
                place=str(event.cursor) if account else str(event.seq),
                job=jobs.get(event.job_id),
                previews=self.previews,
            )
            for event in events
        ]


class JobReader:
    after: int

    def __init__(self, job_id: UUID, asked: Asked, after: int, opening: bytes) -> None:
        self.job_id = job_id
        self.asked = asked
        self.after = after
        self.opening = opening

    @property
    def wants(self) -> Hashable:
        return self.job_id, self.after, self.asked

    async def look(self, connection: AsyncConnection) -> Batch:
        page = await feed.of_job(connection, self.job_id, after=self.after, limit=PAGE, types=self.asked.types)
        views = await self.asked.views(connection, page.events, account=False)
        return Batch(frames(views), page.next, more=page.has_more, ended=page.ended)


class AccountReader:
    after: Cursor

    def __init__(self, owner: str, asked: Asked, after: Cursor, opening: bytes) -> None:
        self.owner = owner
        self.asked = asked
        self.after = after
        self.opening = opening

    @property
    def wants(self) -> Hashable:
        return self.owner, self.after, self.asked

    async def look(self, connection: AsyncConnection) -> Batch:
        page = await feed.of_owner(connection, self.owner, after=self.after, limit=PAGE, types=self.asked.types)
        views = await self.asked.views(connection, page.events, account=True)
        return Batch(frames(views), page.next, more=page.has_more, hidden=page.hidden)


async def job_reader(connection: AsyncConnection, job: Job, asked: Asked, after: int | None) -> JobReader:
    """`after` None: from now on."""
    [state] = await asked.jobs_as_they_are(connection, [job])
    # to a client that resumes, the snapshot is ahead of the events that follow: its place stays where it is
    place = str(job.event_seq) if after is None else None
    start = job.event_seq if after is None else min(after, job.event_seq)
    return JobReader(job.id, asked, start, frame("snapshot", state, place))


async def account_reader(connection: AsyncConnection, owner: str, asked: Asked, after: Cursor | None) -> AccountReader:
    """`after` None: from now on. Raises InvalidInput for a place that is ahead of the feed."""
    # the place first: what happens between the two is in the jobs already and told once more, never left out
    if after is None:
        start = await feed.tail(connection, owner)
    else:
        start = after
        await feed.of_owner(connection, owner, after=after, limit=1)
    jobs = await feed.open_jobs(connection, owner, SNAPSHOT_JOBS + 1) if asked.jobs else []
    state = {
        "cursor": str(start),
        "jobs": await asked.jobs_as_they_are(connection, jobs[:SNAPSHOT_JOBS]),
        "has_more": len(jobs) > SNAPSHOT_JOBS,
    }
    return AccountReader(owner, asked, start, frame("snapshot", state, None if after else str(start)))


def frame(event: str, data: Json, place: str | None) -> bytes:
    words = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return format_sse_event(event=event, data_str=words, id=place)


def frames(views: Sequence[Json]) -> bytes:
    return b"".join(frame(view["type"], view, view["id"]) for view in views)
