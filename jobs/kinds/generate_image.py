"""A picture from a prompt, drawn on the lane whose queue the job waits in, or remotely, unless it is there already."""

import asyncio
import contextlib
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion import picture_progress
from jobs.companion.personas import Persona
from jobs.db.dialog.dialog_pictures import LARGEST_SEED
from jobs.db.files import media as media_rows
from jobs.db.files.media import StoredFile
from jobs.db.gpu import lanes as lane_rows
from jobs.db.gpu import picture_cache
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.errors import PostgenError
from jobs.imaging.letting_go import let_go
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.chat_picture import in_chat
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.kinds.image_progress import reporter
from jobs.kinds.remote_picture import fingerprints, painted, wanted_of
from jobs.lanes.drawing import drawing_of
from jobs.queues import is_lane
from jobs.workflow import Workflow, filename_prefix, patch

if TYPE_CHECKING:
    from jobs.lanes.checked_lane import CheckedLane
    from jobs.providers.comfyui.outputs import Generated
    from jobs.providers.comfyui.progress import Progress
    from jobs.resources import Resources

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = CRITICAL


class Input(KindInput):
    """`width` and `height` in pixels, multiples of 16. `previews`: progress events carry small pictures.

    Without a seed one is drawn, and the result names it; with a dialog it follows from the dialog and the number of
    messages in it, so that the same moment gives the same picture.
    """

    prompt: str = Field(min_length=1, max_length=8000)
    negative_prompt: str | None = Field(default=None, max_length=8000)
    persona: str | None = None
    dialog_id: int | None = None
    seed: int | None = Field(default=None, ge=0, le=LARGEST_SEED)
    width: int | None = Field(default=None, ge=64, le=2048, multiple_of=16)
    height: int | None = Field(default=None, ge=64, le=2048, multiple_of=16)
    previews: bool | None = None


class Result(BaseModel):
    """`cached`: it was there already, and no GPU was touched for it."""

    media_id: UUID
    content_type: str
    size: int
    sha256: str
    seed: int
    cached: bool = False


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    chat = picture_progress.shown(run.job, run.progress, run.database, resources.telegram, resources.pace)
    async with chat as progress:
        outcome = await picture(replace(run, progress=progress), resources)
    rating = resources.personas.find(run.input.persona).rating if run.input.persona else "general"
    return in_chat(run.job, run.input, outcome, rating=rating)


async def picture(run: Run[Input], resources: "Resources") -> Outcome:
    """The picture alone, also for kinds that need one for something else. Its outcome's result is a Result."""
    given, job = run.input, run.job
    # a re-run after a crash must ask for the same picture, so what is random comes from the random id
    seed = given.seed if given.seed is not None else job.id.int & LARGEST_SEED
    drawn = drawing_of(resources.personas, given.persona, given.width, given.height).persona
    negative = given.negative_prompt or resources.personas.negative_prompt(drawn)
    values = _values(given, drawn, negative, seed)
    await resources.safety.check_prompt(values["prompt"])
    workflow = patch(drawn.graph, drawn.workflow, values)
    drawn_from = picture_cache.fingerprint(workflow)
    wanted = None if is_lane(job.queue) else wanted_of(drawn, values)
    elsewhere = fingerprints(resources, wanted).values() if wanted else ()
    async with run.database.statement() as connection:
        known = await picture_cache.find(connection, job.owner, drawn_from, *elsewhere)
    if known:
        keep = partial(_keep, job, known, resources.result_ttl)
        return Outcome(_result(known, seed, cached=True), {}, save=keep)
    if wanted:
        stored, usage, save = await painted(job, resources, wanted)
        return Outcome(_result(stored, seed), usage, save=save)
    return await _drawn(run, resources, patch(workflow, drawn.workflow, _place(job)), drawn_from, seed)


def _values(given: Input, drawn: Persona, negative: str, seed: int) -> dict[str, Any]:
    return {
        "prompt": f"{given.prompt}. {drawn.image_style}" if given.persona and drawn.image_style else given.prompt,
        "negative": negative,
        "seed": seed,
        "width": given.width,
        "height": given.height,
    }


def _place(job: Job) -> dict[str, str]:
    return {"filename_prefix": filename_prefix(job.id)}


async def _drawn(run: Run[Input], resources: "Resources", workflow: Workflow, drawn_from: str, seed: int) -> Outcome:
    job = run.job
    # the same id after a crash finds the running prompt again; a new one after a failure starts afresh
    prompt_id = str(uuid5(job.id, f"{job.retries}:{job.failures}"))
    lane = resources.lane(job.queue)
    picture = await _draw(run, lane, prompt_id, workflow)
    rendered_at = time.monotonic()
    stored = await resources.media.put(picture.data, uuid5(job.id, "picture"))
    usage = {"gpu_seconds": round(picture.gpu_seconds, 3)}
    save = partial(_save, job, stored, picture, drawn_from, rendered_at, resources.result_ttl)
    return Outcome(_result(stored, seed), usage, save=save, tidy=partial(lane.forget, prompt_id))


async def _draw(run: Run[Input], lane: "CheckedLane", prompt_id: str, workflow: Workflow) -> "Generated":
    """A worker that stops leaves a running prompt to the next one; one that waits, or is not wanted, is taken back."""
    report = reporter(run.progress, workflow)

    def on_progress(reading: "Progress") -> None:
        # the first one comes when the GPU begins
        run.seat.waits(False)
        report(reading)

    def on_rendered() -> None:
        # of one that was adopted when it was done there is no progress
        run.seat.waits(False)
        run.seat.leave()

    run.seat.waits(True)
    try:
        return await lane.draw(
            prompt_id, workflow, on_progress=on_progress, previews=bool(run.input.previews), on_rendered=on_rendered
        )
    except asyncio.CancelledError:
        async with run.database.transaction() as connection:
            unwanted = await job_rows.is_cancel_requested(connection, run.job.id)
        with contextlib.suppress(PostgenError):
            await (lane.cancel(prompt_id) if unwanted else lane.withdraw(prompt_id))
        raise


def _result(stored: StoredFile, seed: int, *, cached: bool = False) -> Result:
    return Result(
        media_id=stored.id,
        content_type=stored.content_type,
        size=stored.size,
        sha256=stored.sha256,
        seed=seed,
        cached=cached,
    )


async def _keep(job: Job, known: StoredFile, ttl: int, connection: AsyncConnection) -> list[NewJob]:
    await let_go(connection, job)
    await picture_cache.keep(connection, known.id, ttl)
    return []


async def _save(
    job: Job,
    stored: StoredFile,
    picture: "Generated",
    drawn_from: str,
    rendered_at: float,
    ttl: int,
    connection: AsyncConnection,
) -> list[NewJob]:
    await media_rows.insert(connection, stored, owner=job.owner, job_id=job.id, ttl=ttl)
    await picture_cache.remember(connection, stored.id, drawn_from)
    await lane_rows.record_render(
        connection,
        queue=job.queue,
        job_id=job.id,
        workflow=job.workflow or "",
        model=job.model,
        outcome="completed",
        seconds=picture.gpu_seconds,
        load_seconds=picture.load_seconds,
        ago=time.monotonic() - rendered_at,
    )
    return []
