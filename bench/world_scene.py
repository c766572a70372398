"""Where the worlds of a measurement grow: a model and two GPUs of a given pace, workers as in production."""

import contextlib
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import psycopg

from bench.children import Child, Command, Failed, answers, free_port, running, until
from bench.ground import TEMPLATE, Ground
from bench.lane_servers import LANES, lane_servers
from bench.ours import scripted_model, worker
from jobs.companion.personas import Personas
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings, LaneSettings, MediaSettings, PersonaSettings
from jobs.submit import Intake

PATIENCE = 300.0
READY = """
SELECT ((SELECT count(*) FROM procrastinate_workers) >= %s
    AND (SELECT count(*) FROM lanes JOIN workers ON queue = ANY(queues) WHERE healthy) >= %s)::int
"""
OPEN_WORLDS = "SELECT count(*) FROM jobs WHERE parent_id IS NULL AND status IN ('pending', 'processing')"
BROKEN = "SELECT count(*) FROM jobs WHERE status IN ('failed', 'expired', 'cancelled')"

Commands = Mapping[str, Command]


@dataclass(frozen=True)
class Pace:
    """`call_seconds` of the model, `picture_seconds` of a GPU; without that there are no pictures and no GPUs."""

    call_seconds: float
    picture_seconds: float | None = None


@dataclass(frozen=True)
class WorldScene:
    """`media`: where the workers keep files."""

    ground: Ground
    connection: "psycopg.Connection[tuple[Any, ...]]"
    database: Database
    intake: Intake
    workers: Sequence[Child]
    media: Path

    async def begin(self, users: int, posts: int, owner: str = "account:bench") -> UUID:
        given = {"prompt": "A harbour town of lamplighters", "users": users, "posts": posts}
        return await self.submit(NewJob("init_world_creation", given, owner))

    async def submit(self, new: NewJob) -> UUID:
        async with self.database.transaction() as connection:
            return (await self.intake.submit(connection, new)).id

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode(), values).fetchall()

    def number(self, query: str, *values: object) -> int:
        [[found]] = self.rows(query, *values)
        return int(found)

    async def until_it(self, happened: str, *values: object, what: str) -> None:
        """`happened`: a query for a number. Raises Failed when a step has failed: what it cost says nothing."""
        await until(
            self.workers[0], lambda: self.number(BROKEN) or self.number(happened, *values), what, patience=PATIENCE
        )
        if self.number(BROKEN):
            raise Failed(f"A step failed. The log of {self.workers[0].name} ends:\n{self.workers[0].tail()}")

    async def until_ended(self) -> None:
        await self.until_it(f"SELECT (({OPEN_WORLDS}) = 0)::int", what="end its worlds")


@contextlib.asynccontextmanager
async def world_scene(ground: Ground, pace: Pace, commands: Commands) -> AsyncIterator[WorldScene]:
    """Once all workers are there, and know their lanes. It is the first one's log that is told of."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="worlds-", dir=ground.folder)))
        hosts = await _lanes(stack, ground, folder, pace)
        url = stack.enter_context(ground.database(TEMPLATE))
        environment = ground.environment(
            url,
            COMFYUI_HOSTS=hosts,
            MEDIA_URL=f"file:{folder / 'media'}",
            GEMINI_BASE_URL=f"http://127.0.0.1:{await _model(stack, ground, folder, pace)}",
            GEMINI_API_KEY="bench",
            VENICE_BASE_URL=f"http://127.0.0.1:{await stack.enter_async_context(scripted_model(ground))}/v1",
        )
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        workers = [
            stack.enter_context(running(name, command, environment=environment, folder=folder))
            for name, command in commands.items()
        ]
        database = Database(DatabaseSettings(database_url=url))
        stack.push_async_callback(database.aclose)
        intake = Intake(LaneSettings(comfyui_hosts=hosts), MediaSettings(), Personas(PersonaSettings()))
        scene = WorldScene(ground, connection, database, intake, workers, folder / "media")
        lanes = len(hosts.split(",")) if hosts else 0
        await until(workers[0], lambda: scene.number(READY, len(workers), lanes), "serve its queues")
        yield scene


def world_workers(count: int = 1, *options: str) -> dict[str, Command]:
    return {f"worker-world-{number}": worker("world,housekeeping", *options) for number in range(count)}


def lane_workers() -> dict[str, Command]:
    """One for each lane, as in production."""
    return {f"worker-gpu-{lane}": worker(f"gpu-{lane}", "--concurrency=2") for lane in range(LANES)}


async def _lanes(stack: AsyncExitStack, ground: Ground, folder: Path, pace: Pace) -> str:
    if pace.picture_seconds is None:
        return ""
    opened = lane_servers(ground, folder, seconds=pace.picture_seconds, load_seconds=0.0)
    return ",".join(f"127.0.0.1:{lane.port}" for lane in await stack.enter_async_context(opened))


async def _model(stack: AsyncExitStack, ground: Ground, folder: Path, pace: Pace) -> int:
    port = free_port()
    milliseconds = str(pace.call_seconds * 1000)
    command = [sys.executable, "-m", "sandbox.gemini_content", "--port", str(port), "--latency", milliseconds]
    child = stack.enter_context(running("world-model", command, environment=ground.environment(), folder=folder))
    await answers(child, port, "/v1beta/models/any")
    return port
