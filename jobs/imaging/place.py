"""Where does a new picture wait: for a lane, or for a remote provider? IMAGE_PROVIDERS, and who takes work now."""

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.provider import provider_gate
from jobs.db.work.jobs import Job
from jobs.lanes.choice import Choice, rank
from jobs.queues import is_lane
from jobs.settings import ImageSettings, LaneSettings

REMOTE = "image"


async def choose(
    connection: AsyncConnection, lanes: LaneSettings, images: ImageSettings, model: str | None
) -> Choice | None:
    """The lane; None: the queue of the remote providers. Raises Misconfigured where nobody could draw."""
    if not images.remote:
        return (await rank(connection, lanes, model))[0]
    away = await provider_gate.away(connection, images.remote)
    for name in images.names:
        if name == "comfyui":
            if lane := await _lane(connection, lanes, model):
                return lane
        elif name not in away:
            return None
    return None


async def choose_again(
    connection: AsyncConnection, lanes: LaneSettings, images: ImageSettings, job: Job, *, elsewhere: bool
) -> str:
    """The queue for the next try. `elsewhere`: better not where this one was made, if there is another place."""
    able = [lane.queue for lane in await _ranked(connection, lanes, images, job.model) if lane.reachable]
    others = [queue for queue in able if queue != job.queue]
    if not images.remote:
        return (others or able or [job.queue])[0] if elsewhere else (able or [job.queue])[0]
    if is_lane(job.queue):
        wanted = others if elsewhere else able
        return (wanted or [REMOTE])[0]
    lanes_first = images.names[0] == "comfyui"
    return able[0] if able and (elsewhere or lanes_first) else REMOTE


async def lanes_take_work(
    connection: AsyncConnection, lanes: LaneSettings, images: ImageSettings, model: str | None
) -> bool:
    return any(lane.reachable for lane in await _ranked(connection, lanes, images, model))


async def _lane(connection: AsyncConnection, lanes: LaneSettings, model: str | None) -> Choice | None:
    """The best one, if it takes work now."""
    found = await rank(connection, lanes, model) if lanes.hosts else []
    return found[0] if found and found[0].reachable else None


async def _ranked(
    connection: AsyncConnection, lanes: LaneSettings, images: ImageSettings, model: str | None
) -> list[Choice]:
    return await rank(connection, lanes, model) if "comfyui" in images.names and lanes.hosts else []
