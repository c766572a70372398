"""A picture from a prompt, drawn on the lane whose queue the job waits in."""

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.outbox import ChatPhoto
from jobs.db import jobs as job_rows
from jobs.db import lanes as lane_rows
from jobs.db import media as media_rows
from jobs.db.jobs import Job
from jobs.db.media import StoredFile
from jobs.errors import PostgenError
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.lanes.drawing import drawing_of
from jobs.workflow import filename_prefix, patch

if TYPE_CHECKING:
    from jobs.providers.comfyui.client import ComfyUI
    from jobs.providers.comfyui.outputs import Generated
    from jobs.resources import Resources

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = 4

LARGEST_SEED = 2**63 - 1


class Input(KindInput):
    """`width` and `height` in pixels, multiples of 16. Without a seed one is drawn, and the result names it."""

    prompt: str = Field(min_length=1, max_length=8000)
    negative_prompt: str | None = Field(default=None, max_length=8000)
    persona: str | None = None
    dialog_id: int | None = None
    seed: int | None = Field(default=None, ge=0, le=LARGEST_SEED)
    width: int | None = Field(default=None, ge=64, le=2048, multiple_of=16)
    height: int | None = Field(default=None, ge=64, le=2048, multiple_of=16)


class Result(BaseModel):
    media_id: UUID
    content_type: str
    size: int
    sha256: str
    seed: int
    cached: bool = False


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given, job = run.input, run.job
    # a re-run after a crash must ask for the same picture, so what is random comes from the random id
    seed = given.seed if given.seed is not None else job.id.int & LARGEST_SEED
    drawn = drawing_of(resources.personas, given.persona, given.width, given.height).persona
    values = {
        "prompt": f"{given.prompt}. {drawn.image_style}" if given.persona and drawn.image_style else given.prompt,
        "negative": given.negative_prompt or resources.personas.negative_prompt(drawn),
        "seed": seed,
        "width": given.width,
        "height": given.height,
        "filename_prefix": filename_prefix(job.id),
    }
    workflow = patch(drawn.graph, drawn.workflow, values)
    # the same id after a crash finds the running prompt again; a new one after a failure starts afresh
    prompt_id = uuid5(job.id, str(job.failures))
    picture = await _draw(run, resources.lane(job.queue), str(prompt_id), workflow)
    stored = await resources.media.put(picture.data, uuid5(job.id, "picture"))
    result = Result(
        media_id=stored.id, content_type=stored.content_type, size=stored.size, sha256=stored.sha256, seed=seed
    )
    usage = {"gpu_seconds": round(picture.gpu_seconds, 3)}
    save = partial(_save, job, stored, picture, resources.result_ttl)
    return Outcome(result, usage, [ChatPhoto(stored.id, given.prompt)], save)


async def _draw(run: Run[Input], lane: "ComfyUI", prompt_id: str, workflow: dict[str, Any]) -> "Generated":
    """A worker that stops leaves a running prompt to the next one; one that waits, or is not wanted, is taken back."""
    lane.detach(prompt_id)
    try:
        return await lane.generate(prompt_id, workflow)
    except asyncio.CancelledError:
        async with run.database.transaction() as connection:
            unwanted = await job_rows.is_cancel_requested(connection, run.job.id)
        with contextlib.suppress(PostgenError):
            await (lane.cancel(prompt_id) if unwanted else lane.withdraw(prompt_id))
        raise


async def _save(
    job: Job, stored: StoredFile, picture: "Generated", ttl: int, connection: AsyncConnection
) -> list[NewJob]:
    await media_rows.insert(connection, stored, owner=job.owner, job_id=job.id, ttl=ttl)
    await lane_rows.record_render(
        connection,
        queue=job.queue,
        job_id=job.id,
        workflow=job.workflow or "",
        model=job.model,
        outcome="completed",
        seconds=picture.gpu_seconds,
        load_seconds=picture.load_seconds,
    )
    return []
