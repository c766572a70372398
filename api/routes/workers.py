"""GET /v1/workers: who is alive, what each serves, and what it has in hand."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.authentication import AdminCaller
from jobs.db.queue import workers

router = APIRouter(prefix="/v1/workers", tags=["operations"])

EXAMPLE: dict[str, Any] = {
    "id": 17,
    "name": "worker",
    "queues": ["gpu-0"],
    "host": "gpu-box",
    "pid": 4711,
    "started_at": "2026-05-01T09:30:00Z",
    "heartbeat_seconds": 1.2,
    "running": [
        {
            "kind": "generate_image",
            "queue": "gpu-0",
            "seconds": 3.1,
            "job_id": "0197a3d2-6f2e-7c1b-9e0a-3f5b8f0f9a10",
            "delivery_id": None,
        }
    ],
}


class InHand(BaseModel):
    """A job, a delivery, or care by the clock, whose kind is its name."""

    model_config = ConfigDict(from_attributes=True)

    kind: str
    queue: str
    seconds: float = Field(description="Since this worker took it")
    job_id: UUID | None
    delivery_id: int | None


class Worker(BaseModel):
    """A living worker. One that has not yet said who it is has null in all that it would say."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE]})

    id: int
    name: str | None
    queues: list[str] | None = Field(description="Empty: all")
    host: str | None
    pid: int | None
    started_at: datetime | None
    heartbeat_seconds: float = Field(description="Since it was last heard of; they are heard every 5 seconds")
    running: list[InHand]


class Workers(BaseModel):
    workers: list[Worker]


@router.get("", summary="All living workers")
async def listed(request: Request, caller: AdminCaller) -> Workers:
    del caller
    async with request.app.state.database.transaction() as connection:
        found = await workers.living(connection)
    return Workers(workers=[Worker.model_validate(each) for each in found])
