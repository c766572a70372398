"""A lane put together: its ComfyUI, who watches over it, and what it draws to show that it works."""

from functools import partial

from jobs.companion.personas import Personas
from jobs.db.session import Database
from jobs.lanes import hosts
from jobs.lanes.gates import Gates
from jobs.lanes.health import LaneHealth
from jobs.lanes.lane import Lane, warm_up
from jobs.lanes.memory import GpuMemory
from jobs.providers.comfyui.client import ComfyUI
from jobs.settings import ImageSettings, LaneSettings, load
from jobs.workflow import filename_prefix, patch


def open_lane(queue: str, settings: LaneSettings, database: Database, gates: Gates, personas: Personas) -> Lane:
    """Not connected yet: enter its `client`, and run `health` and `memory` beside."""
    host = hosts.host_of(queue, settings)
    client = ComfyUI(
        host, generation_timeout=settings.generation_timeout, model_load_timeout=settings.model_load_timeout
    )
    drawn = personas.default
    values = {"prompt": "a calm sea", "seed": 1, "filename_prefix": filename_prefix(f"warm-up-{queue}")}
    health = LaneHealth(
        queue, host, database, gates,
        restart_command=settings.comfyui_restart_command,
        warm_up=partial(warm_up, client, patch(drawn.graph, drawn.workflow, values)),
        otherwise="image" if load(ImageSettings).remote else None,
    )  # fmt: skip
    lane = Lane(queue, client, health, gates, GpuMemory(queue, client, database))
    client.on_connection = lane.heard
    return lane
