"""The same pictures through seed (c)'s shape: Celery, a worker for each ComfyUI port, delivery in the task."""

import asyncio
import contextlib
import json
from pathlib import Path

from bench.bench_venv import bench_python
from bench.children import Child, Command, Failed, running
from bench.ground import Ground
from bench.lanes_round import Round, Scene, scene, watch
from bench.pictures import graph_of
from bench.redis_server import redis_server

PATIENCE = 30.0
# how often a task asks /history
LOOK_SECONDS = 0.5


async def draw(ground: Ground, count: int, *, kill: bool = False) -> Round | str:
    """A sentence instead where it cannot run."""
    python = bench_python()
    if isinstance(python, str):
        return python
    async with redis_server(ground.folder, durable=True) as redis:
        if redis is None:
            return "redis-server is not installed"
        async with scene(ground, count, kill=kill) as here:
            return await _draw(here, python, redis.port)


async def _draw(here: Scene, python: Path, redis_port: int) -> Round:
    environment = {
        **here.ground.environment(), "REDIS_PORT": str(redis_port), "TELEGRAM_PORT": str(here.telegram.port),
        "LOOK_SECONDS": str(LOOK_SECONDS),
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(_worker(here, python, environment, server.lane, server.port)) for server in here.servers
        ]
        for child in workers:
            await _ready(child)
        await _submit(here, python, environment)
        return await watch(here, workers, patience=PATIENCE)


def _worker(
    here: Scene, python: Path, environment: dict[str, str], lane: int, port: int
) -> "contextlib.AbstractContextManager[Child]":
    command: Command = [
        python, "-m", "celery", "-A", "bench.rivals.pinned_worker", "worker", "-n", f"gpu{lane}@bench",
        "-c", "1", "-P", "prefork", "-l", "info", "--without-gossip", "--without-mingle",
    ]  # fmt: skip
    return running(
        f"celery-{lane}", command, environment={**environment, "COMFYUI_PORT": str(port)}, folder=here.folder
    )


async def _ready(child: Child) -> None:
    while " ready." not in child.log.read_text():
        child.require_alive()
        await asyncio.sleep(0.1)


async def _submit(here: Scene, python: Path, environment: dict[str, str]) -> None:
    file = here.folder / "tasks.json"
    tasks = [[each.chat_id, graph_of(here.personas.find(each.persona), each)] for each in here.pictures]
    file.write_text(json.dumps(tasks))
    command = [str(python), "-m", "bench.rivals.pinned_submit", str(file)]
    process = await asyncio.create_subprocess_exec(*command, cwd=here.folder, env=environment)
    if await process.wait():
        raise Failed("The tasks could not be given to Celery; its words are above.")
