"""A ComfyUI goes away and comes back: what waited for it is drawn elsewhere or later, and no picture is given up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jobs import lifecycle
from jobs.companion.personas import Personas
from jobs.db.session import Database
from jobs.lanes.gates import Gates
from jobs.lanes.lane import Lane
from jobs.media import MediaStore
from jobs.resources import Resources
from jobs.settings import LaneSettings, MediaSettings, PersonaSettings
from jobs.submit import Intake
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import FREE, job, rows, submit, unwatched_lane, warm

PICTURE = {"prompt": "a red fox"}
QUICK = ComfySettings(seconds_per_picture=0.05)


async def until(look: Callable[[], Awaitable[Any]], patience: float = 15) -> Any:
    async with asyncio.timeout(patience):
        while not (found := await look()):  # noqa: ASYNC110 - it looks at the database
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def lane(database: Database, queue: str, server: ComfyServer, gates: Gates, **health: Any) -> AsyncIterator[Lane]:
    async with unwatched_lane(queue, server.host, database, gates, **health) as opened:
        watching = asyncio.create_task(opened.health.run())
        try:
            yield opened
        finally:
            watching.cancel()
            await asyncio.wait([watching])


def resources(database: Database, servers: list[ComfyServer], media: Path, **opened: Lane) -> Resources:
    lanes = LaneSettings(comfyui_hosts=",".join(server.host for server in servers), _env_file=None)
    storage, personas = (
        MediaSettings(media_url=f"file:{media}", _env_file=None),
        Personas(PersonaSettings(_env_file=None)),
    )
    return Resources(
        database=database,
        intake=Intake(lanes, storage, personas, FREE),
        result_ttl=3600,
        media=MediaStore(storage),
        personas=personas,
        lanes={name.replace("_", "-"): each for name, each in opened.items()},
    )


async def healthy(database: Database) -> dict[str, bool]:
    return {row["queue"]: row["healthy"] for row in await rows(database, "SELECT queue, healthy FROM lanes")}


async def test_a_dead_lanes_tickets_move_to_the_living_one_and_it_comes_back_by_itself(
    database: Database, tmp_path: Path
) -> None:
    gates = Gates()
    async with (
        ComfyServer(QUICK, port=0) as first,
        ComfyServer(QUICK, port=0) as second,
        lane(database, "gpu-0", first, gates) as zero,
        lane(database, "gpu-1", second, gates) as one,
    ):
        worker = resources(database, [first, second], tmp_path, gpu_0=zero, gpu_1=one)
        await until(lambda: healthy_both(database))
        await warm(database, "gpu-0", "gpu-1")
        waiting = [await submit(worker, "generate_image", PICTURE) for _ in range(3)]
        assert {each.queue for each in waiting} == {"gpu-0", "gpu-1"}

        await first.kill()
        await until(lambda: gone(database, "gpu-0"))
        assert not gates.is_open("gpu-0")
        assert gates.is_open("gpu-1")
        assert {row["queue_name"] for row in await rows(database, "SELECT queue_name FROM procrastinate_jobs")} == {
            "gpu-1"
        }
        assert {row["queue"] for row in await rows(database, "SELECT queue FROM jobs")} == {"gpu-1"}
        assert (await submit(worker, "generate_image", PICTURE)).queue == "gpu-1"
        for each in waiting:
            await lifecycle.run_job(worker, each.id)
            assert (await job(database, each.id)).status == "completed"

        await first.start()
        await until(lambda: healthy_both(database))
        assert gates.is_open("gpu-0")


async def healthy_both(database: Database) -> bool:
    return await healthy(database) == {"gpu-0": True, "gpu-1": True}


async def gone(database: Database, queue: str) -> bool:
    return (await healthy(database))[queue] is False


async def test_a_picture_whose_comfyui_died_keeps_all_its_tries_and_goes_to_another_lane(
    database: Database, tmp_path: Path
) -> None:
    slow = ComfySettings(seconds_per_picture=5)
    gates = Gates()
    async with (
        ComfyServer(slow, port=0) as first,
        ComfyServer(QUICK, port=0) as second,
        lane(database, "gpu-0", first, gates) as zero,
        lane(database, "gpu-1", second, gates) as one,
    ):
        worker = resources(database, [first, second], tmp_path, gpu_0=zero, gpu_1=one)
        await until(lambda: healthy_both(database))
        picture = await submit(worker, "generate_image", PICTURE)
        running = asyncio.create_task(lifecycle.run_job(worker, picture.id))
        await first.log.until(bool)
        await first.kill()
        await running
        now = await job(database, picture.id)
        assert (now.status, now.failures) == ("processing", 0)
        await until(lambda: moved_to(database, "gpu-1"))
        await lifecycle.run_job(worker, picture.id)
        assert (await job(database, picture.id)).status == "completed"


async def moved_to(database: Database, queue: str) -> bool:
    """At once if the lane was known to be down, else with the other waiting ones."""
    tickets = {row["queue_name"] for row in await rows(database, "SELECT queue_name FROM procrastinate_jobs")}
    return tickets == {queue} and (await rows(database, "SELECT queue FROM jobs")) == [{"queue": queue}]


async def test_with_no_lane_alive_the_pictures_wait_where_they_are(database: Database, tmp_path: Path) -> None:
    gates = Gates()
    async with ComfyServer(QUICK, port=0) as only, lane(database, "gpu-0", only, gates) as zero:
        worker = resources(database, [only], tmp_path, gpu_0=zero)
        await until(lambda: has_lane(database))
        await only.kill()
        await until(lambda: gone(database, "gpu-0"))
        picture = await submit(worker, "generate_image", PICTURE)
        assert picture.queue == "gpu-0"
        assert not gates.is_open("gpu-0")
        opened = asyncio.Event()
        gates.on_open = opened.set
        await only.start()
        await asyncio.wait_for(opened.wait(), 15)
        await lifecycle.run_job(worker, picture.id)
        assert (await job(database, picture.id)).status == "completed"


async def has_lane(database: Database) -> bool:
    return await healthy(database) == {"gpu-0": True}
