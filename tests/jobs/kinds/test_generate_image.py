"""A picture: what the lane is asked to draw, and that it is the same picture whenever it is asked again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest

from jobs import lifecycle
from jobs.companion.wording import say
from jobs.db.dialog import dialogs
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from sandbox.comfyui.faults import Fault
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import USER, add_user, execute, job, rows, submit, to_chat, worker


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
    button = {"text": say("en", "button.original"), "callback_data": f"original:{stored['id']}"}
    below = {"reply_markup": {"inline_keyboard": [[button]]}}
    assert delivery["payload"] == {"method": "sendPhoto", "media_id": str(stored["id"]), "caption": "a fox", **below}


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
    assert {each.prompt_id for each in lane.log.runs} == {str(uuid5(made.id, "0:0"))}


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
    # once as it was, and once without neighbours
    lane.faults.order(Fault("oom", times=2))
    made = await new(resources)
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).failures == 1
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"
    first = uuid5(made.id, "0:0")
    assert [each.prompt_id for each in lane.log.runs] == [
        str(first), str(uuid5(first, "alone")), str(uuid5(made.id, "0:1"))
    ]  # fmt: skip


async def stopped(resources: Resources, lane: ComfyServer, made: Job, *, crash: bool) -> None:
    """The worker goes while the lane draws: in good order, or (as with kill -9) without a word to the lane."""
    lane.change(seconds_per_picture=1)
    running = asyncio.create_task(lifecycle.run_job(resources, made.id))
    await lane.log.until(lambda runs: len(runs) == 1)
    if crash:
        resources.lanes["gpu-0"].client.detach(str(uuid5(made.id, "0:0")))
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
    assert [(each.prompt_id, each.outcome) for each in lane.log.runs] == [(str(uuid5(made.id, "0:0")), "success")]


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
    assert (waiting.status, waiting.failures) == ("processing", 0)
    (tmp_path / folder).unlink()
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"


async def test_the_same_picture_again_touches_no_gpu(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    first = await run(resources, seed=5, persona="lina")
    again = await run(resources, seed=5, persona="lina")
    assert len(lane.log.runs) == 1
    assert first.result is not None
    assert again.result == {**first.result, "cached": True}
    assert again.usage == {}
    assert len(await rows(database, "SELECT 1 FROM media")) == 1
    [one, two] = await rows(database, "SELECT payload->>'media_id' AS id FROM deliveries ORDER BY id")
    assert one == two


@pytest.mark.parametrize("other", [{"seed": 6}, {"prompt": "a hare"}, {"width": 512}, {"persona": "may"}])
async def test_another_picture_is_drawn(resources: Resources, lane: ComfyServer, other: dict[str, Any]) -> None:
    await run(resources, seed=5, persona="lina")
    again = await run(resources, **{"seed": 5, "persona": "lina", **other})
    assert again.result is not None
    assert again.result["cached"] is False
    assert len(lane.log.runs) == 2


async def test_what_somebody_else_asked_for_is_not_told(resources: Resources, lane: ComfyServer) -> None:
    await run(resources, seed=5)
    other = await submit(resources, "generate_image", {"prompt": "a fox", "seed": 5}, owner="telegram:8")
    await lifecycle.run_job(resources, other.id)
    assert len(lane.log.runs) == 2


async def test_a_picture_that_is_about_to_be_forgotten_is_drawn_anew(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    await run(resources, seed=5)
    await execute(database, "UPDATE media SET expires_at = now() + interval '1 minute'")
    await run(resources, seed=5)
    assert len(lane.log.runs) == 2


async def test_the_same_moment_of_a_dialog_gives_the_same_picture(resources: Resources, database: Database) -> None:
    async with database.transaction() as connection:
        await add_user(connection)
        dialog = await dialogs.open_dialog(connection, USER, "lina")
    first, again = await new(resources, dialog_id=dialog), await new(resources, dialog_id=dialog)
    assert first.input["seed"] == again.input["seed"]
    await execute(database, "UPDATE dialogs SET message_count = message_count + 1")
    assert (await new(resources, dialog_id=dialog)).input["seed"] != first.input["seed"]


async def test_progress_is_told_in_events_which_only_grow(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    lane.change(seconds_per_picture=1.6)
    done = await run(resources, previews=True)
    events = await rows(database, "SELECT data, created_at FROM job_events WHERE type = 'job.progress' ORDER BY seq")
    shares = [event["data"]["done"] for event in events]
    assert 2 <= len(shares) <= 5, "at most two in a second"
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert "KSampler" in {event["data"]["stage"] for event in events}
    assert events[-1]["data"]["preview"]["content_type"] == "image/jpeg"
    assert done.progress["total"] == 1
    assert "preview" not in done.progress


async def test_a_cancelled_picture_says_what_it_had_cost(
    resources: Resources, database: Database, lane: ComfyServer
) -> None:
    lane.change(seconds_per_picture=10)
    made = await new(resources)
    running = asyncio.create_task(lifecycle.run_job(resources, made.id))
    await lane.log.until(lambda runs: len(runs) == 1)
    await asyncio.sleep(0.3)
    async with database.transaction() as connection:
        await resources.intake.cancel(connection, made.id, made.owner)
    running.cancel()  # as the queue's worker does on the cancel
    await running
    done = await job(database, made.id)
    assert done.status == "cancelled"
    assert 0.2 < done.usage["gpu_seconds"] < 5
    await lane.log.until(lambda runs: runs[0].outcome == "interrupted")
    [render] = await rows(database, "SELECT outcome, seconds FROM renders")
    assert render == {"outcome": "cancelled", "seconds": done.usage["gpu_seconds"]}
