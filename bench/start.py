"""What does it cost to start each kind of process: time, memory, and the modules that it loads?"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.children import Child, answers, free_port, newest_worker, registered, running, until
from bench.figures import Figure, median
from bench.ground import ROOT, Ground
from bench.ours import door, worker

TITLE = "start: time from exec until ready, peak memory, imports"
PROBE = Path(__file__).parent / "probe"
HEAVY = [
    "aiogram",
    "aiohttp",
    "fastapi",
    "procrastinate",
    "psycopg",
    "sqlalchemy",
    "httpx",
    "websockets",
    "obstore",
    "PIL",
]
SETTLE_SECONDS = 0.5


@dataclass(frozen=True)
class Kind:
    """`needless`: what this kind of process has no use for."""

    name: str
    needless: frozenset[str]
    app: str = ""
    queues: str = ""
    settings: dict[str, str] = field(default_factory=dict)


KINDS = [
    # websockets comes with uvicorn, which looks for it whatever the app
    Kind("API", frozenset({"aiogram", "procrastinate", "psycopg", "httpx", "PIL"}), app="api.app:app"),
    Kind("webhook app", frozenset({"procrastinate", "psycopg", "httpx", "PIL"}), app="webhook.app:app"),
    Kind(
        "gpu worker", frozenset({"aiogram", "fastapi", "PIL"}), queues="gpu-0",
        settings={"COMFYUI_HOSTS": "127.0.0.1:9"},
    ),
    Kind("llm worker", frozenset({"aiogram", "fastapi", "websockets", "PIL"}), queues="llm"),
    Kind("telegram worker", frozenset({"aiogram", "fastapi", "websockets", "PIL"}), queues="telegram"),
]  # fmt: skip


@dataclass(frozen=True)
class Start:
    seconds: float
    peak: int


async def measure(ground: Ground) -> list[Figure]:
    times = 1 if ground.quick else 5
    figures = []
    with ground.database() as url:
        for kind in KINDS:
            environment = ground.environment(url, **kind.settings)
            starts = [await _start(ground, kind, environment, url) for _ in range(times)]
            figures += await _described(ground, kind, environment, url, starts)
    how = (
        f"the production command, {times} times, median: exec until the first 200 of /readyz, or until the worker's "
        "row in procrastinate_workers; VmHWM half a second later. Imports: one more run with PYTHONPROFILEIMPORTTIME, "
        "sum of the modules' own times (the option costs some itself). Modules: sys.modules of that process, once ready"
    )
    return [*figures, Figure("", "", how)]


async def _start(ground: Ground, kind: Kind, environment: dict[str, str], url: str) -> Start:
    async with _ready(ground, kind, environment, url) as (child, seconds):
        await asyncio.sleep(SETTLE_SECONDS)
        return Start(seconds, child.peak_memory())


async def _described(
    ground: Ground, kind: Kind, environment: dict[str, str], url: str, starts: list[Start]
) -> list[Figure]:
    imports, loaded = await _imports(ground, kind, environment, url)
    seconds, peak = median([start.seconds for start in starts]), median([start.peak for start in starts])
    needless = sorted(kind.needless & loaded)
    value = f"{seconds:.2f} s  {peak / 2**20:.0f} MB  imports {imports:.2f} s"
    return [
        Figure(kind.name, value),
        Figure(
            f"  loads in vain, {kind.name}", ", ".join(needless) or "nothing", "", "nothing", not needless,
        ),
        Figure("  loads", ", ".join(name for name in HEAVY if name in loaded)),
    ]  # fmt: skip


async def _imports(ground: Ground, kind: Kind, environment: dict[str, str], url: str) -> tuple[float, set[str]]:
    """Seconds spent in imports, and the names of the packages that are there when the process is ready."""
    told = ground.folder / "modules.txt"
    told.unlink(missing_ok=True)
    probe = {"PYTHONPATH": f"{PROBE}:{ROOT}", "BENCH_MODULES": str(told), "PYTHONPROFILEIMPORTTIME": "1"}
    async with _ready(ground, kind, {**environment, **probe}, url) as (child, _):
        await asyncio.sleep(SETTLE_SECONDS)
        os.kill(child.pid, signal.SIGUSR1)
        await until(child, told.exists, "say which modules it has loaded")
        spent = sum(_own_microseconds(line) for line in child.log.read_text(errors="replace").splitlines())
    child.log.unlink()
    return spent / 1e6, {name.partition(".")[0] for name in told.read_text().splitlines()}


def _own_microseconds(line: str) -> int:
    words = line.removeprefix("import time:").split()
    return int(words[0]) if line.startswith("import time:") and words[0].isdigit() else 0


@contextlib.asynccontextmanager
async def _ready(
    ground: Ground, kind: Kind, environment: dict[str, str], url: str
) -> AsyncIterator[tuple[Child, float]]:
    port = free_port()
    with psycopg.connect(url) as connection:
        before = newest_worker(connection)
    command = worker(kind.queues) if kind.queues else door(kind.app, port)
    with running(kind.name, command, environment=environment, folder=ground.folder) as child:
        waiting = registered(child, url, after=before) if kind.queues else answers(child, port)
        yield child, await waiting
