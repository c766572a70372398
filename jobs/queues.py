"""Which queues are there? Those that every installation has, and one for each lane."""

from jobs.errors import NotFound
from jobs.settings import LaneSettings

QUEUES = ("llm", "image", "analysis", "documents", "world", "telegram", "webhooks", "housekeeping")
# what a worker serves along with a queue that it was started for, in places of its own: a model may think for half an
# hour about one part, and whoever sends a document meanwhile, or asks for a report, waits for seconds
SERVED_WITH = {"analysis": ("documents",)}
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
