"""Which queues are there? Those that every installation has, and one for each lane."""

from jobs.errors import NotFound
from jobs.settings import LaneSettings

QUEUES = ("llm", "image", "analysis", "world", "telegram", "webhooks", "housekeeping")
LANE_PREFIX = "gpu-"
# beside the lanes: where the jobs of one owner must not hold up those of another
TAKING_TURNS = ("world", "image")


def is_lane(queue: str) -> bool:
    return queue.startswith(LANE_PREFIX)


def lane_queues(lanes: LaneSettings) -> list[str]:
    return [f"{LANE_PREFIX}{number}" for number in range(len(lanes.hosts))]


def all_queues(lanes: LaneSettings) -> list[str]:
    return [*QUEUES, *lane_queues(lanes)]


def no_such_queue(name: str, lanes: LaneSettings) -> NotFound:
    return NotFound(f"There is no queue {name!r}. Queues: {', '.join(all_queues(lanes))}.", code="unknown_queue")
