"""GET /v1/lanes: the GPUs: is each there, is it busy, what went wrong, how long would one wait?"""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.authentication import AdminCaller
from jobs.db.gpu import lane_report
from jobs.db.queue.queues import Mode
from jobs.workflow import model_of

router = APIRouter(prefix="/v1/lanes", tags=["operations"])

EXAMPLE: dict[str, Any] = {
    "queue": "gpu-0",
    "host": "10.0.0.5:8188",
    "healthy": True,
    "failure": None,
    "changed_at": "2026-05-01T09:30:00Z",
    "paused": None,
    "loaded": "z_image_turbo_fp8.safetensors",
    "warm": ["ash", "lina"],
    "running": 2,
    "waiting": 5,
    "wait": 41.0,
    "busy": {"1": 1.0, "15": 0.93, "60": 0.71},
    "failures": {"timeout": 1},
    "gpu": {
        "device": "cuda:0 NVIDIA GeForce RTX 4090",
        "vram_total": 25757220864,
        "vram_free": 9126805504,
        "comfyui_version": "0.33.0",
    },
    "served": True,
}


class Gpu(BaseModel):
    """What its ComfyUI last told about itself."""

    model_config = ConfigDict(from_attributes=True)

    device: str | None
    vram_total: int | None = Field(description="Bytes")
    vram_free: int | None = Field(description="Bytes")
    comfyui_version: str | None


class Lane(BaseModel):
    """One ComfyUI, one GPU, one queue."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE]})

    queue: str
    host: str
    healthy: bool | None = Field(description="null: no worker has served it yet")
    failure: str | None = Field(description="Why it is not healthy, in words")
    changed_at: datetime | None = Field(description="Since when it is as it is")
    paused: Mode | None
    loaded: str | None = Field(description="The model in the GPU's memory, as far as we know")
    warm: list[str] = Field(description="The personas that are drawn with that model")
    running: int = Field(description="In a worker's hands: one renders, another may wait inside ComfyUI")
    waiting: int
    wait: float = Field(description="Seconds until a picture that needs no other model would start")
    busy: dict[int, float] = Field(description="By minutes: which share of them the GPU rendered")
    failures: dict[str, int] = Field(description="In the last hour, by outcome")
    gpu: Gpu
    served: bool = Field(description="A living worker serves it")


class LearntTime(BaseModel):
    """How long a picture of one workflow takes on any lane, and how long loading its model does."""

    model_config = ConfigDict(from_attributes=True)

    workflow: str = Field(examples=["lina 1024x1024"])
    seconds: float
    load_seconds: float
    samples: int


class Lanes(BaseModel):
    """In the order of COMFYUI_HOSTS."""

    lanes: list[Lane]
    learnt: list[LearntTime]


@router.get("", summary="All lanes")
async def listed(request: Request, caller: AdminCaller) -> Lanes:
    """Health, warm personas, work, expected wait, busy share, failures and memory of each GPU; and learnt seconds."""
    del caller
    state = request.app.state
    models = {key: model_of(persona.graph) for key, persona in state.personas.all.items()}
    async with state.database.transaction() as connection:
        reports = await lane_report.lane_reports(connection, state.intake.lanes, models)
        learnt = await lane_report.learnt_times(connection)
    return Lanes(
        lanes=[Lane.model_validate(each) for each in reports],
        learnt=[LearntTime.model_validate(each) for each in learnt],
    )
