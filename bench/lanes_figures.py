"""From what each ComfyUI ran, by its own clock: how busy, which gaps, how many model changes, how near to ideal?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Run:
    """One prompt on one lane. `loading`: seconds of it that went into putting its model on the card. `queued`: when it
    was there to be started.

    `completed` is False for what an error, an interrupt or the end of its server cut short.
    """

    lane: int
    picture: int
    started: float
    ended: float
    loading: float = 0.0
    completed: bool = True
    queued: float = 0.0

    @property
    def rendering(self) -> float:
        return self.ended - self.started - self.loading


@dataclass(frozen=True)
class Gap:
    """Between the end of one run and the start of the next one on a lane; `at`: seconds since the very first start.

    `empty`: the seconds of it in which nothing was there to be started.
    """

    lane: int
    at: float
    seconds: float
    empty: float = 0.0


def by_lane(runs: Iterable[Run]) -> dict[int, list[Run]]:
    """In the order of their start, the lanes in order too."""
    lanes: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.lane, run.started)):
        lanes.setdefault(run.lane, []).append(run)
    return lanes


def busy_shares(runs: Sequence[Run]) -> dict[int, float]:
    """Of the time between a lane's first start and its last end; loading a model is work as well."""
    return {
        lane: sum(run.ended - run.started for run in each) / (each[-1].ended - each[0].started)
        for lane, each in by_lane(runs).items()
    }


def gaps(runs: Sequence[Run]) -> list[Gap]:
    first = min((run.started for run in runs), default=0.0)
    return [
        Gap(lane, earlier.ended - first, later.started - earlier.ended, max(0.0, later.queued - earlier.ended))
        for lane, each in by_lane(runs).items()
        for earlier, later in pairwise(each)
    ]


def loads(runs: Iterable[Run]) -> int:
    """How often a model was put on a card, the first time included."""
    return sum(run.loading > 0 for run in runs)


def least_loads(models: int, lanes: int) -> int:
    """Each model once, and each lane needs one: with as many models as lanes, one each and never another."""
    return max(models, lanes)


def makespan(runs: Sequence[Run]) -> float:
    return max(run.ended for run in runs) - min(run.started for run in runs)


def ideal(runs: Sequence[Run], *, models: int, lanes: int, load_seconds: float) -> float:
    """All rendering, each picture once, and the least possible loading, spread evenly over the lanes."""
    rendering = {run.picture: run.rendering for run in runs if run.completed}
    return (sum(rendering.values()) + least_loads(models, lanes) * load_seconds) / lanes


def cut_short(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if not run.completed]


def rendered_twice(runs: Iterable[Run]) -> list[Run]:
    """The earlier ones of pictures that were completed more than once."""
    completed: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        if run.completed:
            completed.setdefault(run.picture, []).append(run)
    return [run for each in completed.values() for run in each[:-1]]
