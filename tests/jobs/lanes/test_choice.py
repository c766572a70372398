"""The lane on which a picture is ready first: learnt seconds, the model in memory, and who can be reached."""

from uuid import uuid4

import pytest

from jobs.db.gpu import lanes as lane_rows
from jobs.db.session import Database
from jobs.lanes.choice import Choice, choose
from jobs.settings import LaneSettings
from tests.factories import execute, rows, submit, worker

RED, BLUE = "red.safetensors", "blue.safetensors"


async def choice(database: Database, addresses: str, model: str | None = None) -> Choice:
    async with database.transaction() as connection:
        return await choose(connection, LaneSettings(comfyui_hosts=addresses, _env_file=None), model)


async def waiting(database: Database, queue: str, count: int, model: str) -> None:
    for _ in range(count):
        await execute(
            database,
            "INSERT INTO jobs (kind, owner, queue, workflow, model)"
            f" VALUES ('k', 'o', '{queue}', '{model}', '{model}')",
        )


async def lane(database: Database, queue: str, **state: str) -> None:
    await execute(database, f"INSERT INTO lanes (queue, host) VALUES ('{queue}', 'host')")
    for column, value in state.items():
        await execute(database, f"UPDATE lanes SET {column} = {value} WHERE queue = '{queue}'")


async def learnt(database: Database, workflow: str, seconds: float, load_seconds: float) -> None:
    values = f"('{workflow}', {seconds}, {load_seconds})"
    await execute(database, f"INSERT INTO workflow_times (workflow, seconds, load_seconds) VALUES {values}")


async def test_more_than_nine_lanes_keep_their_order(database: Database) -> None:
    assert (await choice(database, ",".join(f"host:{number}" for number in range(12)))).queue == "gpu-0"


async def test_the_one_with_the_least_work_by_learnt_seconds_not_by_number(database: Database) -> None:
    await learnt(database, RED, 60, 0)
    await learnt(database, BLUE, 2, 0)
    await lane(database, "gpu-0", loaded=f"'{RED}'")
    await lane(database, "gpu-1", loaded=f"'{BLUE}'")
    await waiting(database, "gpu-0", 1, RED)
    await waiting(database, "gpu-1", 4, BLUE)
    found = await choice(database, "one:1,two:2")
    assert (found.queue, found.ahead, round(found.wait)) == ("gpu-1", 4, 8)


async def test_a_warm_lane_is_preferred_until_changing_the_model_elsewhere_is_quicker(database: Database) -> None:
    await learnt(database, RED, 5, 12)
    await lane(database, "gpu-0", loaded=f"'{BLUE}'")
    await lane(database, "gpu-1", loaded=f"'{RED}'")
    assert str(await choice(database, "one:1,two:2", RED)) == "gpu-1: warm, 0 ahead, about 0 s"
    await waiting(database, "gpu-1", 2, RED)
    assert str(await choice(database, "one:1,two:2", RED)) == "gpu-1: warm, 2 ahead, about 10 s"
    # from here on it waits where another lane may take it from, which is as good as being there
    await waiting(database, "gpu-1", 5, RED)
    assert str(await choice(database, "one:1,two:2", RED)) == "gpu-1: warm, 7 ahead, about 35 s"
    await waiting(database, "gpu-1", 1, RED)
    assert str(await choice(database, "one:1,two:2", RED)) == "gpu-0: cold, 0 ahead, about 12 s"


async def test_what_would_be_prefetched_goes_to_an_idle_gpu_for_less(database: Database) -> None:
    """Inside ComfyUI nobody can take it over: the second of two people must not wait beside a GPU that does nothing."""
    await learnt(database, RED, 30, 12)
    await lane(database, "gpu-0", loaded=f"'{BLUE}'")
    await lane(database, "gpu-1", loaded=f"'{RED}'")
    await waiting(database, "gpu-1", 1, RED)
    assert str(await choice(database, "one:1,two:2", RED)) == "gpu-0: cold, 0 ahead, about 12 s"


async def test_a_lane_that_will_hold_the_model_by_then_is_warm(database: Database) -> None:
    await learnt(database, RED, 5, 12)
    await lane(database, "gpu-0", loaded=f"'{BLUE}'")
    await waiting(database, "gpu-0", 1, RED)
    found = await choice(database, "one:1", RED)
    assert (found.warm, round(found.wait)) == (True, 17)


@pytest.mark.parametrize("state", ["unhealthy", "drain", "hold"])
async def test_a_lane_that_takes_no_work_is_left_out(database: Database, state: str) -> None:
    if state == "unhealthy":
        await lane(database, "gpu-0", healthy="false")
    else:
        await execute(database, f"INSERT INTO paused_queues (name, mode) VALUES ('gpu-0', '{state}')")
    await waiting(database, "gpu-1", 5, RED)
    assert (await choice(database, "one:1,two:2")).queue == "gpu-1"
    assert "not reachable now" in str(await choice(database, "one:1"))


async def test_seconds_and_loading_are_learnt_from_each_render(database: Database) -> None:
    await lane(database, "gpu-0", loaded=f"'{BLUE}'")

    async def render(seconds: float, load_seconds: float) -> None:
        async with database.transaction() as connection:
            await lane_rows.record_render(
                connection, queue="gpu-0", job_id=uuid4(), workflow="lina", model=RED, outcome="completed",
                seconds=seconds, load_seconds=load_seconds,
            )  # fmt: skip

    await render(30, 20)  # cold
    await render(10.4, 0.4)  # warm: what went by before the first step is not loading
    [known] = await rows(database, "SELECT seconds, load_seconds, samples FROM workflow_times")
    assert (known["samples"], known["load_seconds"]) == (2, 20)
    assert known["seconds"] == pytest.approx(10 + 0.2 * 0.4)
    assert await rows(database, "SELECT loaded FROM lanes") == [{"loaded": RED}]
    renders = await rows(database, "SELECT seconds, load_seconds FROM renders ORDER BY id")
    assert [(each["seconds"], each["load_seconds"]) for each in renders] == [(30, 20), (10.4, 0)]


async def test_the_jobs_first_event_says_why_this_lane(database: Database) -> None:
    async with worker(database) as resources:
        made = await submit(resources, "generate_image", {"prompt": "x", "persona": "may"})
    [event] = await rows(database, "SELECT data FROM job_events")
    assert event["data"] == {"queue": "gpu-0", "lane": "gpu-0: cold, 0 ahead, about 20 s"}
    assert (made.workflow, made.turn) == ("may", 1)
    assert "z_image_turbo_fp8" in (made.model or "")
