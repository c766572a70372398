"""Which GPU: one lane is one ComfyUI, and has one queue, gpu-0, gpu-1, …"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.errors import Misconfigured
from jobs.settings import LaneSettings

PREFIX = "gpu-"

LEAST_WAITING = text(
    "SELECT lane FROM unnest(CAST(:lanes AS text[])) WITH ORDINALITY AS lanes (lane, position)"
    " ORDER BY (SELECT count(*) FROM jobs WHERE queue = lane AND status IN ('pending', 'processing')), position LIMIT 1"
)


def host_of(queue: str, settings: LaneSettings) -> str:
    """`host:port` of a lane. Raises Misconfigured for a lane that COMFYUI_HOSTS does not have."""
    number = int(queue.removeprefix(PREFIX))
    if number >= len(settings.hosts):
        raise Misconfigured(f"{queue} needs {number + 1} hosts in COMFYUI_HOSTS, which has {len(settings.hosts)}.")
    return settings.hosts[number]


async def choose(connection: AsyncConnection, settings: LaneSettings) -> str:
    """The lane with the fewest open jobs. Raises Misconfigured when there is none."""
    lanes = [f"{PREFIX}{number}" for number in range(len(settings.hosts))]
    if not lanes:
        raise Misconfigured("No lane can draw pictures. Set COMFYUI_HOSTS, for example localhost:8188.")
    return str((await connection.execute(LEAST_WAITING, {"lanes": lanes})).scalar_one())
