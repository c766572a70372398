"""The lane on which a new picture would be ready first: what waits there, and whether its model must be changed."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.gpu import lanes as lane_rows
from jobs.db.gpu.lanes import LaneState, OpenWork
from jobs.errors import Misconfigured
from jobs.queues import lane_queues
from jobs.settings import LaneSettings

# by how many changes of the model a cold lane must be quicker; measured: with fewer, two personas that are asked for at
# the same time by many people spread over both GPUs before anybody knows who will go where
DOUBT = 2
# one renders and one is prefetched
IN_COMFYUI = 2


@dataclass(frozen=True)
class Choice:
    """`ahead`: open jobs before it. `wait`: seconds until it would start. `reachable`: the lane takes work now.

    `foreign`: the last in line there is of another model, so that others would wait for the change and the way back.
    """

    queue: str
    warm: bool
    ahead: int
    wait: float
    reachable: bool = True
    served: bool = True
    foreign: bool = False

    def __str__(self) -> str:
        state = ("warm" if self.warm else "cold") if self.reachable else "not reachable now"
        return f"{self.queue}: {state}, {self.ahead} ahead, about {round(self.wait)} s"


async def choose(connection: AsyncConnection, settings: LaneSettings, model: str | None) -> Choice:
    """The best of `rank`. Raises Misconfigured when there is no lane at all."""
    return (await rank(connection, settings, model))[0]


async def rank(connection: AsyncConnection, settings: LaneSettings, model: str | None) -> list[Choice]:
    """All lanes, the best one first; where none takes work, the job waits in the first. Raises Misconfigured.

    A lane that runs dry takes the tail of another queue if that is worth a change of its model. So a picture that
    waits in a queue where its model is warm loses next to nothing, while a change that was made in vain cannot be taken
    back: elsewhere it must be quicker by far, and a lane that is busy with another model is left to it. What would lie
    inside ComfyUI at once cannot be taken any more, and a smaller gain is enough.
    """
    lanes = lane_queues(settings)
    if not lanes:
        raise Misconfigured("No lane can draw pictures. Set COMFYUI_HOSTS, for example localhost:8188.")
    states = await lane_rows.states(connection, lanes)
    work = await lane_rows.open_work(connection, lanes)
    load_seconds = await lane_rows.usual_load_seconds(connection)
    choices = [_expect(state, work.get(state.queue, []), model, load_seconds) for state in states]
    takeable = not any(lane.warm and lane.reachable and lane.ahead < IN_COMFYUI for lane in choices)
    doubt = load_seconds * (DOUBT if takeable else 1)
    return sorted(
        choices,
        key=lambda lane: (
            not lane.reachable,
            not lane.served,
            lane.foreign,
            lane.wait + (0 if lane.warm else doubt),
        ),
    )


def _expect(state: LaneState, work: list[OpenWork], model: str | None, load_seconds: float) -> Choice:
    """`work` groups the lane's open jobs by model, the one accepted last at the end."""
    last = work[-1].model if work else state.loaded
    warm = model is None or last == model
    # a lane that never drew holds no model, and every model costs the same there
    wait = lane_rows.seconds_of_work(state.loaded, work, load_seconds) + (0 if warm else load_seconds)
    reachable = state.healthy and state.paused is None
    ahead = sum(each.jobs for each in work)
    return Choice(state.queue, warm, ahead, wait, reachable, state.served, bool(work) and not warm)
