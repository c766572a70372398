"""Jobs as the API answers with them; for the documentation, and to put place and estimate into those that wait."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers.queue_lines import QueueLines
from jobs.db.queue.queue_position import UNKNOWN
from jobs.db.work.jobs import Job
from jobs.events.media_urls import media_urls
from jobs.events.view import job_view

Json = dict[str, Any]
Status = Literal["pending", "processing", "completed", "failed", "cancelled", "expired"]


class JobError(BaseModel):
    """The same words as in an HTTP problem. `blame`: client, upstream or platform."""

    code: str
    detail: str
    blame: str
    retryable: bool


class Stage(BaseModel):
    """The steps of a tree that are counted under one name. `failed`: they ended without a result."""

    stage: str
    planned: int
    done: int
    failed: int


class Missing(BaseModel):
    """What a tree lacks: how many steps of a stage, the first ten of them, and what went wrong with the first."""

    stage: str
    count: int
    jobs: list[UUID]
    error: JobError | None


class Progress(BaseModel):
    """Of a job with steps below it: how many of them have ended, by stage too, and in the end what is missing."""

    done: float
    total: float
    stage: str | None
    stages: list[Stage] = Field(default=[], description="Only of a job with steps.")
    missing: list[Missing] = Field(default=[], description="Only of a job with steps that ended without a result.")


class Urls(BaseModel):
    self: str
    events: str
    cancel: str
    media: str | None = Field(description="The file that it made; good without a key until `expires_at`.")


class JobAnswer(BaseModel):
    """A job. `position` (1 is the next one) and `eta` (seconds until it should be done) while it waits, if known."""

    id: UUID
    kind: str
    status: Status
    input: Json
    result: Json | None
    error: JobError | None
    progress: Progress
    queue: str
    position: int | None
    eta: float | None
    attempt: int
    parent_id: UUID | None
    root_id: UUID | None
    stage: str | None = Field(description="Of a step: under which name its root counts it.")
    partial: bool = Field(description="It completed with some of its parts missing.")
    cancelling: bool = Field(description="It was asked to stop, and its worker has not yet.")
    usage: Json = Field(description="GPU seconds, tokens.")
    metadata: Json
    run_at: datetime | None
    deadline: datetime | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="Until then the job can be read; not known before it has ended.")
    seq: int = Field(description="The number of its newest event.")
    urls: Urls


class JobPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    jobs: list[JobAnswer]
    has_more: bool
    next: str | None


class JobTree(BaseModel):
    """A job, and what came from it."""

    job: JobAnswer
    children: list["JobTree"]


class DryRun(BaseModel):
    """What would happen. `lane`: in words, why that one, for a picture. `eta`: seconds until it should be done."""

    kind: str
    queue: str
    lane: str | None
    position: int | None
    eta: float | None


async def views(
    connection: AsyncConnection, jobs: Sequence[Job], public_url: str, lines: QueueLines | None = None
) -> list[Json]:
    """With place and estimate where a job waits. `lines`: the process's; without it every line is looked at anew."""
    known = await (lines or QueueLines()).outlooks(connection, jobs)
    files = await media_urls(connection, jobs, public_url)
    found = [(job, known.get(job.id, UNKNOWN)) for job in jobs]
    return [
        job_view(job, public_url=public_url, position=it.position, eta=it.eta, media=files.get(job.id))
        for job, it in found
    ]


def nested(jobs: Sequence[Job], shown: Sequence[Json]) -> Json:
    """`jobs`: the root first, every parent before its children; `shown`: how each one reads."""
    nodes: dict[UUID, Json] = {job.id: {"job": view, "children": []} for job, view in zip(jobs, shown, strict=True)}
    for job in jobs[1:]:
        if job.parent_id in nodes:
            nodes[job.parent_id]["children"].append(nodes[job.id])
    return nodes[jobs[0].id]
