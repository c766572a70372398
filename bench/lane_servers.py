"""The GPUs of a measurement: ComfyUI stand-ins in processes of their own, and what they say that they ran."""

import contextlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.children import Child, answers, free_port, running
from bench.ground import Ground
from bench.lanes_figures import Run
from bench.pictures import NUMBERED

LANES = 2
PICTURE_SECONDS = 1.0
LOAD_SECONDS = 3.0


@dataclass
class LaneServer:
    """`runs` is written by the server as it starts and ends them. `killed_at`: when it was killed, if it was."""

    lane: int
    port: int
    child: Child
    runs: Path
    killed_at: float | None = None

    def kill(self) -> None:
        self.child.process.kill()
        self.child.process.wait()
        self.killed_at = time.time()


@contextlib.asynccontextmanager
async def lane_servers(
    ground: Ground, folder: Path, *, seconds: float | None = None, load_seconds: float | None = None
) -> AsyncIterator[list[LaneServer]]:
    """`seconds` for a picture and `load_seconds` for a model, where they are not those of the lanes' own contest."""
    pace = (
        PICTURE_SECONDS if seconds is None else seconds,
        LOAD_SECONDS if load_seconds is None else load_seconds,
    )
    with contextlib.ExitStack() as stack:
        servers = [_start(stack, ground, folder, lane, pace) for lane in range(LANES)]
        for server in servers:
            await answers(server.child, server.port, "/system_stats")
        yield servers


def _start(
    stack: contextlib.ExitStack, ground: Ground, folder: Path, lane: int, pace: tuple[float, float]
) -> LaneServer:
    seconds, load_seconds = pace
    port, runs = free_port(), folder / f"runs-{lane}.jsonl"
    command: list[str | Path] = [
        sys.executable, "-m", "sandbox.comfyui", "--port", str(port), "--seconds", str(seconds),
        "--model-load", str(load_seconds), "--directory", folder / f"comfyui-{lane}", "--runs", runs,
    ]  # fmt: skip
    child = stack.enter_context(running(f"comfyui-{lane}", command, environment=ground.environment(), folder=folder))
    return LaneServer(lane, port, child, runs)


def completed(servers: list[LaneServer]) -> int:
    return sum(run.completed for server in servers for run in read_runs(server))


def read_runs(server: LaneServer) -> list[Run]:
    """The last line about a run counts; one that has no end was cut short when its server was killed."""
    told: dict[float, dict[str, Any]] = {}
    for line in server.runs.read_text().splitlines() if server.runs.exists() else []:
        with contextlib.suppress(ValueError):  # half a line: the kill came while it was written
            entry = json.loads(line)
            told[entry["started_at"]] = entry
    return [_run(server, entry) for entry in told.values() if entry["ended_at"] or server.killed_at]


def _run(server: LaneServer, entry: dict[str, Any]) -> Run:
    found = re.search(NUMBERED, entry["text"])
    assert found is not None, "every prompt has its number"
    # one that was killed may have been about to start
    ended = entry["ended_at"] or max(entry["started_at"], server.killed_at or 0.0)
    return Run(
        lane=server.lane,
        picture=int(found[1]),
        started=entry["started_at"],
        ended=ended,
        loading=entry["loading_seconds"],
        completed=entry["outcome"] == "success",
        queued=entry["queued_at"],
    )
