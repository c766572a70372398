"""One round of a contest on the lanes: the scene that all contestants share, and watching until all has arrived."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Child, Failed
from bench.ground import Ground
from bench.lane_servers import LaneServer, completed, lane_servers, read_runs
from bench.lanes_figures import Run
from bench.pictures import Wanted, make_personas, wanted
from bench.slow_telegram import Photo, SlowTelegram, slow_telegram
from jobs.companion.personas import Personas

LOOK_SECONDS = 0.1
# what is sent or rendered twice is so a moment later
AFTERMATH_SECONDS = 3.0
KILLED_LANE = 1
# a moment at which the lane is most likely in the middle of a picture
INTO_A_RENDER = 0.4


@dataclass(frozen=True)
class Scene:
    """`kill`: the last lane's server is killed when half of the pictures are rendered, and stays dead."""

    ground: Ground
    folder: Path
    servers: list[LaneServer]
    telegram: SlowTelegram
    pictures: list[Wanted]
    personas: Personas
    kill: bool

    @property
    def hosts(self) -> list[str]:
        return [f"127.0.0.1:{server.port}" for server in self.servers]

    @property
    def telegram_address(self) -> str:
        return f"http://127.0.0.1:{self.telegram.port}"


@dataclass(frozen=True)
class Round:
    """`missing`: how many pictures never arrived, though nothing moved any more."""

    runs: list[Run]
    photos: list[Photo]
    missing: int
    killed_at: float | None

    @property
    def sent_twice(self) -> int:
        return len(self.photos) - len({photo.chat_id for photo in self.photos})


@contextlib.asynccontextmanager
async def scene(ground: Ground, count: int, *, kill: bool = False) -> AsyncIterator[Scene]:
    with TemporaryDirectory(prefix="lanes-", dir=ground.folder) as path:
        folder = Path(path)
        personas = make_personas(folder / "personas")
        async with lane_servers(ground, folder) as servers, slow_telegram() as telegram:
            yield Scene(ground, folder, servers, telegram, wanted(count), personas, kill)


async def watch(scene: Scene, workers: Sequence[Child], *, patience: float) -> Round:
    """Until every picture has arrived, or none did for `patience` seconds."""
    arrived, moved = 0, time.monotonic()
    while (arrived_now := scene.telegram.chats) < len(scene.pictures):
        if arrived_now > arrived:
            arrived, moved = arrived_now, time.monotonic()
        if time.monotonic() - moved > patience:
            break
        for child in (*workers, *(server.child for server in scene.servers if server.killed_at is None)):
            child.require_alive()
        await _kill_half_way(scene)
        await asyncio.sleep(LOOK_SECONDS)
    await asyncio.sleep(AFTERMATH_SECONDS)
    return _round(scene)


async def _kill_half_way(scene: Scene) -> None:
    victim = scene.servers[KILLED_LANE]
    if scene.kill and victim.killed_at is None and completed(scene.servers) >= len(scene.pictures) // 2:
        await asyncio.sleep(INTO_A_RENDER)
        victim.kill()


def _round(scene: Scene) -> Round:
    if scene.kill and scene.servers[KILLED_LANE].killed_at is None:
        raise Failed("The lane was to be killed half way, but half of the pictures were never rendered.")
    runs = [run for server in scene.servers for run in read_runs(server)]
    missing = len(scene.pictures) - scene.telegram.chats
    return Round(runs, list(scene.telegram.photos), missing, scene.servers[KILLED_LANE].killed_at)
