"""Queues: what waits and runs in each, and an operator's hand on them: pause, resume, purge."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.authentication import AdminCaller
from jobs import purge as purging
from jobs.db.queue import queues
from jobs.db.queue.queues import Mode

router = APIRouter(prefix="/v1/queues", tags=["operations"])

EXAMPLE: dict[str, Any] = {
    "name": "gpu-0",
    "known": True,
    "paused": None,
    "paused_at": None,
    "waiting": 2,
    "running": 1,
    "oldest": 8.4,
    "workers": 1,
    "kinds": [{"kind": "generate_image", "status": "pending", "jobs": 2, "running": 0, "oldest": 8.4}],
}

# a name has no other letters, and PostgreSQL takes not every other one
NAME = r"^[A-Za-z0-9_.:-]{1,100}$"

QueueName = Annotated[str, Path(description="As `GET /v1/queues` names it", examples=["gpu-0"], pattern=NAME)]


class Depth(BaseModel):
    """Open work of one kind and status."""

    model_config = ConfigDict(from_attributes=True)

    kind: str = Field(description="A kind of job, or `delivery`")
    status: str
    jobs: int
    running: int = Field(description="How many of them a worker has in hand")
    oldest: float = Field(description="Seconds since the oldest could have started")


class Queue(BaseModel):
    """A queue, and what is in it now."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE]})

    name: str
    known: bool = Field(description="false: only old work names it, such as a lane that was taken away")
    paused: Mode | None = Field(description="drain: nothing new goes there. hold: nothing is started there")
    paused_at: datetime | None
    waiting: int
    running: int
    oldest: float | None = Field(description="Seconds that the oldest waiting piece of work has waited")
    workers: int = Field(description="How many living workers serve it")
    kinds: list[Depth]


class Queues(BaseModel):
    queues: list[Queue]


class Purged(BaseModel):
    """What was cancelled; with `dry_run`, what would be."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"queue": "gpu-0", "kind": None, "jobs": 12, "dry_run": True}]}
    )

    queue: str
    kind: str | None
    jobs: int
    dry_run: bool


@router.get("", summary="All queues")
async def listed(request: Request, caller: AdminCaller) -> Queues:
    """Depth and age by queue and by kind, whether it is paused, and how many workers serve it."""
    del caller
    async with request.app.state.database.transaction() as connection:
        found = await queues.states(connection, request.app.state.intake.lanes)
    return Queues(queues=[Queue.model_validate(each) for each in found])


@router.post("/{name}/pause", summary="Pause a queue")
async def pause(
    request: Request,
    caller: AdminCaller,
    name: QueueName,
    mode: Annotated[
        Mode, Query(description="hold: nothing more is started there. drain (lanes): new work goes to other lanes")
    ] = "hold",
) -> Queue:
    """What runs already is left alone. Pausing what is paused changes only the mode."""
    del caller
    async with request.app.state.database.transaction() as connection:
        await queues.pause(connection, request.app.state.intake.lanes, name, mode)
        return await _state(request, connection, name)


@router.post("/{name}/resume", summary="Let a queue go on")
async def resume(request: Request, caller: AdminCaller, name: QueueName) -> Queue:
    """Its workers begin at once. A queue that is not paused stays as it is."""
    del caller
    async with request.app.state.database.transaction() as connection:
        await queues.resume(connection, request.app.state.intake.lanes, name)
        return await _state(request, connection, name)


@router.post("/{name}/purge", summary="Cancel what waits in a queue")
async def purge(
    request: Request,
    caller: AdminCaller,
    name: QueueName,
    kind: Annotated[
        str | None, Query(description="Only jobs of this kind", examples=["generate_image"], pattern=NAME)
    ] = None,
    dry_run: Annotated[bool, Query(description="Only count")] = False,
) -> Purged:
    """Each job is cancelled as its owner would cancel it: it ends as `cancelled`, and whoever waits for it is told.

    What runs, or starts meanwhile, is left alone. Cut off, it has done a part, and can be repeated.
    """
    del caller
    act = purging.count if dry_run else purging.purge
    jobs = await act(request.app.state.database, request.app.state.intake, name, kind)
    return Purged(queue=name, kind=kind, jobs=jobs, dry_run=dry_run)


async def _state(request: Request, connection: AsyncConnection, name: str) -> Queue:
    found = await queues.states(connection, request.app.state.intake.lanes)
    state = next((each for each in found if each.name == name), None)
    return Queue.model_validate(state) if state else _forgotten(name)


def _forgotten(name: str) -> Queue:
    """An old pause was all that named this queue, and it has just ended."""
    return Queue(
        name=name, known=False, paused=None, paused_at=None, waiting=0, running=0, oldest=None, workers=0, kinds=[]
    )
