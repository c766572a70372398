"""A deadline ends a job wherever it is: waiting, with nobody to start it, or in the middle of its run."""

from datetime import UTC, datetime, timedelta

from jobs import endings, lifecycle
from jobs.db.session import Database
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import chat_texts, job, submit, tickets, to_chat, worker


async def test_a_job_that_runs_past_its_deadline_is_stopped_and_expires(database: Database) -> None:
    async with (
        ComfyServer(ComfySettings(seconds_per_picture=30), port=0) as comfyui,
        worker(database, comfyui=comfyui.host) as resources,
    ):
        soon = datetime.now(UTC) + timedelta(seconds=1.5)
        made = await submit(resources, "generate_image", {"prompt": "a fox"}, deadline=soon, destination=to_chat())
        await lifecycle.run_job(resources, made.id)
        await comfyui.log.until(lambda runs: runs[0].outcome == "interrupted")
    done = await job(database, made.id)
    assert done.status == "expired"
    assert done.error is not None
    assert done.error["code"] == "deadline_passed"
    assert len(await chat_texts(database)) == 1


async def test_what_nobody_starts_before_its_deadline_expires_without_a_worker_of_its_queue(database: Database) -> None:
    async with worker(database) as resources:
        past, future = (datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (-1, 3600))
        late = await submit(resources, "generate_image", {"prompt": "a fox"}, deadline=past, destination=to_chat())
        early = await submit(resources, "generate_image", {"prompt": "a fox"}, deadline=future)
        await endings.expire_overdue(resources)
    assert ((await job(database, late.id)).status, (await job(database, early.id)).status) == ("expired", "pending")
    assert [row["args"]["job_id"] for row in await tickets(database) if row["task_name"] == "run_job"] == [
        str(early.id)
    ]
    assert len(await chat_texts(database)) == 1
