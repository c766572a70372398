"""The lanes as an operator sees them: is the GPU there, is it busy, what went wrong, how long would one wait?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.gpu import lanes as lane_rows
from jobs.db.queue import queues
from jobs.db.queue.queues import Mode, QueueState
from jobs.queues import lane_queues
from jobs.settings import LaneSettings

# minutes over which the busy share is told
WINDOWS = (1, 15, 60)
# ends of a render that are nobody's failure
NO_FAILURE = ("completed", "cancelled")


@dataclass(frozen=True)
class Gpu:
    """What the lane's ComfyUI last told about itself; bytes."""

    device: str | None
    vram_total: int | None
    vram_free: int | None
    comfyui_version: str | None


@dataclass(frozen=True)
class LaneReport:
    """`healthy`: None for a lane that no worker has served yet. `failure`: why it is not. `changed_at`: since when.

    `warm`: the personas whose model is `loaded`. `running`: in a worker's hands, where one of them renders and another
    may wait inside ComfyUI. `wait`: seconds until a picture that needs no other model would start.
    `busy`: by minutes, which share of them the GPU rendered; what renders now counts when it ends.
    `failures`: in the last hour, by outcome. `served`: a living worker serves it.
    """

    queue: str
    host: str
    healthy: bool | None
    failure: str | None
    changed_at: datetime | None
    paused: Mode | None
    loaded: str | None
    warm: list[str]
    running: int
    waiting: int
    wait: float
    busy: dict[int, float]
    failures: dict[str, int]
    gpu: Gpu
    served: bool


@dataclass(frozen=True)
class LearntTime:
    """Seconds that a picture of this workflow is expected to take on any lane, and to load its model before."""

    workflow: str
    seconds: float
    load_seconds: float
    samples: int


ROWS = text("SELECT queue, healthy, failure, changed_at, loaded, stats FROM lanes WHERE queue = ANY(:lanes)")
LEARNT = text("SELECT workflow, seconds, load_seconds, samples FROM workflow_times ORDER BY workflow")
# a render covers the `seconds` before it finished; of that counts what lies inside the window
BUSY = text(
    "SELECT queue, minutes, least(1, sum(extract(epoch FROM least(finished_at, now())"
    "  - greatest(finished_at - make_interval(secs => seconds), now() - make_interval(mins => minutes))))"
    "  / (60 * minutes))::float8 AS share"
    " FROM unnest(CAST(:windows AS int[])) AS minutes"
    " JOIN renders ON finished_at > now() - make_interval(mins => minutes)"
    # the index finds the rows of the longest window
    " WHERE queue = ANY(:lanes) AND finished_at > now() - make_interval(mins => :longest) AND seconds > 0"
    " GROUP BY queue, minutes"
)
FAILURES = text(
    "SELECT queue, outcome, count(*) FROM renders WHERE queue = ANY(:lanes) AND finished_at > now() - interval '1 hour'"
    " AND outcome <> ALL(:no_failure) GROUP BY queue, outcome ORDER BY queue, outcome"
)


async def lane_reports(
    connection: AsyncConnection, settings: LaneSettings, models: Mapping[str, str]
) -> list[LaneReport]:
    """In the order of COMFYUI_HOSTS. `models`: the model that each persona is drawn with, by its key."""
    lanes = lane_queues(settings)
    states = {each.name: each for each in await queues.states(connection, settings)}
    rows = {row["queue"]: dict(row) for row in (await connection.execute(ROWS, {"lanes": lanes})).mappings()}
    work = await lane_rows.open_work(connection, lanes)
    load_seconds = await lane_rows.usual_load_seconds(connection)
    shares = await busy_shares(connection, lanes)
    failures = await _failures(connection, lanes)
    reports = []
    for queue, host in zip(lanes, settings.hosts, strict=True):
        row = rows.get(queue, {})
        wait = lane_rows.seconds_of_work(row.get("loaded"), work.get(queue, []), load_seconds)
        reports.append(_report(states[queue], host, row, models, wait, shares[queue], failures.get(queue, {})))
    return reports


async def learnt_times(connection: AsyncConnection) -> list[LearntTime]:
    return [LearntTime(**row) for row in (await connection.execute(LEARNT)).mappings()]


async def busy_shares(connection: AsyncConnection, lanes: list[str]) -> dict[str, dict[int, float]]:
    """By lane and by the minutes of WINDOWS: 0 idle, 1 busy throughout. What renders now counts when it ends."""
    shares = {lane: dict.fromkeys(WINDOWS, 0.0) for lane in lanes}
    values = {"lanes": lanes, "windows": list(WINDOWS), "longest": max(WINDOWS)}
    for row in await connection.execute(BUSY, values):
        shares[row.queue][row.minutes] = row.share
    return shares


async def _failures(connection: AsyncConnection, lanes: list[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for queue, outcome, count in await connection.execute(FAILURES, {"lanes": lanes, "no_failure": list(NO_FAILURE)}):
        found.setdefault(queue, {})[outcome] = count
    return found


def _report(
    state: QueueState,
    host: str,
    row: Mapping[str, Any],
    models: Mapping[str, str],
    wait: float,
    busy: dict[int, float],
    failures: dict[str, int],
) -> LaneReport:
    loaded = row.get("loaded")
    return LaneReport(
        queue=state.name,
        host=host,
        healthy=row.get("healthy"),
        failure=row.get("failure"),
        changed_at=row.get("changed_at"),
        paused=state.paused,
        loaded=loaded,
        warm=sorted(persona for persona, model in models.items() if loaded is not None and model == loaded),
        running=state.running,
        waiting=state.waiting,
        wait=wait,
        busy=busy,
        failures=failures,
        gpu=_gpu(row.get("stats") or {}),
        served=state.workers > 0,
    )


def _gpu(stats: Mapping[str, Any]) -> Gpu:
    return Gpu(
        device=stats.get("device"),
        vram_total=stats.get("vram_total"),
        vram_free=stats.get("vram_free"),
        comfyui_version=stats.get("comfyui_version"),
    )
