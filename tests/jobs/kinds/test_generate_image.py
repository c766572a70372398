"""A picture: what the lane is asked to draw, and that it is the same picture whenever it is asked again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest

from jobs import lifecycle
from jobs.db.jobs import Job
from jobs.db.session import Database
from jobs.resources import Resources
from sandbox.comfyui.faults import Fault
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import execute, job, rows, submit, to_chat, worker


@pytest.fixture
async def lane() -> AsyncIterator[ComfyServer]:
    async with ComfyServer(ComfySettings(seconds_per_picture=0.05)) as running:
        yield running


@pytest.fixture
async def resources(database: Database, lane: ComfyServer, tmp_path: Path) -> AsyncIterator[Resources]:
    async with worker(database, comfyui=lane.host, media=tmp_path) as opened:
        yield opened


async def new(resources: Resources, **given: Any) -> Job:
    return await submit(resources, "generate_image", {"prompt": "a fox", **given}, destination=to_chat())


async def run(resources: Resources, **given: Any) -> Job:
    made = await new(resources, **given)
    await lifecycle.run_job(resources, made.id)
    return await job(resources.database, made.id)


async def test_a_picture_is_stored_and_told_to_the_chat(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    done = await run(resources)
    assert done.status == "completed"
    assert done.result is not None
    assert done.usage["gpu_seconds"] > 0
    [stored] = await rows(database, "SELECT * FROM media")
    assert (str(stored["id"]), stored["job_id"], stored["owner"]) == (done.result["media_id"], done.id, done.owner)
    assert stored["content_type"] == "image/png"
    assert stored["expires_at"] is not None
    data = await resources.media.get(stored["key"])
    assert data.startswith(b"\x89PNG")
    assert len(data) == stored["size"] == done.result["size"]
    [delivery] = await rows(database, "SELECT payload FROM deliveries")
    assert delivery["payload"] == {"method": "sendPhoto", "media_id": str(stored["id"]), "caption": "a fox"}


async def test_prompt_and_style_of_a_persona(resources: Resources, lane: ComfyServer) -> None:
    persona = resources.personas.find("lina")
    await run(resources, persona="Lina")
    await run(resources)
    with_persona, alone = (each.text for each in lane.log.runs)
    assert f"a fox. {persona.image_style}" in with_persona
    assert persona.negative_prompt in with_persona
    assert persona.image_style not in alone


async def test_what_is_random_is_the_same_in_every_run_of_a_job(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    """After a crash between the picture and the commit, the same picture comes out and the GPU is not asked again."""
    made = await new(resources)
    await lifecycle.run_job(resources, made.id)
    first = await job(database, made.id)
    await execute(
        database,
        "DELETE FROM deliveries",
        "DELETE FROM media",
        "ALTER TABLE jobs DISABLE TRIGGER jobs_status_moves_forward",
        "UPDATE jobs SET status = 'processing', result = NULL",
        "ALTER TABLE jobs ENABLE TRIGGER jobs_status_moves_forward",
    )
    await lifecycle.run_job(resources, made.id)
    second = await job(database, made.id)
    assert first.result is not None
    assert second.result is not None
    same = ("seed", "media_id")
    assert {name: first.result[name] for name in same} == {name: second.result[name] for name in same}
    assert {each.prompt_id for each in lane.log.runs} == {str(uuid5(made.id, "0"))}


async def test_two_jobs_draw_two_pictures(resources: Resources) -> None:
    first, second = await run(resources), await run(resources)
    assert first.result is not None
    assert second.result is not None
    assert first.result["seed"] != second.result["seed"]
    assert first.result["sha256"] != second.result["sha256"]


async def test_a_seed_that_was_given(resources: Resources) -> None:
    first, second = await run(resources, seed=0), await run(resources, seed=0)
    assert first.result is not None
    assert second.result is not None
    assert first.result["seed"] == second.result["seed"] == 0
    assert first.result["sha256"] == second.result["sha256"]


async def test_after_a_failure_the_lane_is_asked_under_a_new_name(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    lane.faults.order(Fault("oom"))
    made = await new(resources)
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).failures == 1
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"
    assert [each.prompt_id for each in lane.log.runs] == [str(uuid5(made.id, "0")), str(uuid5(made.id, "1"))]


async def stopped(resources: Resources, lane: ComfyServer, made: Job, *, crash: bool) -> None:
    """The worker goes while the lane draws: in good order, or (as with kill -9) without a word to the lane."""
    lane.change(seconds_per_picture=1)
    running = asyncio.create_task(lifecycle.run_job(resources, made.id))
    await lane.log.until(lambda runs: len(runs) == 1)
    if crash:
        resources.lane("gpu-0").detach(str(uuid5(made.id, "0")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    lane.change(seconds_per_picture=0.05)


async def test_after_a_crash_the_running_picture_is_taken_over(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    made = await new(resources)
    await stopped(resources, lane, made, crash=True)
    await lifecycle.run_job(resources, made.id)
    done = await job(database, made.id)
    assert (done.status, done.failures) == ("completed", 0)
    assert [(each.prompt_id, each.outcome) for each in lane.log.runs] == [(str(uuid5(made.id, "0")), "success")]


async def test_a_worker_that_shuts_down_costs_the_picture_no_failure(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    """Each deployment would cost one of the few tries, and a wait."""
    made = await new(resources)
    await stopped(resources, lane, made, crash=False)
    await lifecycle.run_job(resources, made.id)
    done = await job(database, made.id)
    assert (done.status, done.failures) == ("completed", 0)


async def test_a_size_that_was_asked_for(resources: Resources) -> None:
    import io

    from PIL import Image

    await run(resources, width=128, height=64)
    [stored] = await rows(resources.database, "SELECT key FROM media")
    assert Image.open(io.BytesIO(await resources.media.get(stored["key"]))).size == (128, 64)


async def test_a_lane_that_this_worker_does_not_serve(resources: Resources, database: Database) -> None:
    made = await new(resources)
    await execute(database, "UPDATE jobs SET queue = 'gpu-5'")
    await lifecycle.run_job(resources, made.id)
    ended = await job(database, made.id)
    assert ended.error is not None
    assert "gpu-5" in ended.error["detail"]


async def test_a_media_store_that_is_away_loses_nothing(
    resources: Resources, database: Database, tmp_path: Path
) -> None:
    """Its folder is a file for a while, as an unmounted disk would be."""
    made = await new(resources)
    folder = f"{uuid5(made.id, 'picture').hex[:2]}"
    (tmp_path / folder).write_text("in the way")
    await lifecycle.run_job(resources, made.id)
    waiting = await job(database, made.id)
    assert (waiting.status, waiting.failures) == ("processing", 1)
    (tmp_path / folder).unlink()
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"
