"""The lane on which a new picture would be ready first: what waits there, and whether its model must be changed."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import lanes as lane_rows
from jobs.db.lanes import LaneState, OpenWork
from jobs.errors import Misconfigured
from jobs.lanes import hosts
from jobs.settings import LaneSettings


@dataclass(frozen=True)
class Choice:
    """`ahead`: open jobs before it. `wait`: seconds until it would start. `reachable`: the lane takes work now."""

    queue: str
    warm: bool
    ahead: int
    wait: float
    reachable: bool = True

    def __str__(self) -> str:
        state = ("warm" if self.warm else "cold") if self.reachable else "not reachable now"
        return f"{self.queue}: {state}, {self.ahead} ahead, about {round(self.wait)} s"


async def choose(connection: AsyncConnection, settings: LaneSettings, model: str | None) -> Choice:
    """Raises Misconfigured when there is no lane at all; with none that takes work, the job waits in the best one."""
    lanes = hosts.names(settings)
    if not lanes:
        raise Misconfigured("No lane can draw pictures. Set COMFYUI_HOSTS, for example localhost:8188.")
    states = await lane_rows.states(connection, lanes)
    work = await lane_rows.open_work(connection, lanes)
    load_seconds = await lane_rows.usual_load_seconds(connection)
    choices = [_expect(state, work.get(state.queue, []), model, load_seconds) for state in states]
    return min(choices, key=lambda choice: (not choice.reachable, choice.wait))


def _expect(state: LaneState, work: list[OpenWork], model: str | None, load_seconds: float) -> Choice:
    """`work` groups the lane's open jobs by model, the one accepted last at the end."""
    loads = len({each.model for each in work} - {state.loaded})
    last = work[-1].model if work else state.loaded
    warm = model is None or last == model
    # a lane that never drew holds no model, and every model costs the same there
    wait = sum(each.seconds for each in work) + load_seconds * (loads + (0 if warm else 1))
    reachable = state.healthy and state.paused is None
    return Choice(state.queue, warm, sum(each.jobs for each in work), max(0.0, wait), reachable)
