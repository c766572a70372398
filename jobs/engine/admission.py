"""How many tickets may a worker take from each queue right now?"""

from collections import Counter
from collections.abc import Iterable, Mapping

# fewer than asked for means that the queue is empty, which one alone would not tell
FIRST_ASKED = 2


class Admission:
    """Each queue has room of its own, so a queue that is full never keeps another one from starting.

    The queue None stands for all queues together.
    """

    def __init__(self, room: Mapping[str | None, int]) -> None:
        self.limits = dict(room)
        self.room = dict(room)
        # a queue that yielded all that was asked for is asked for twice as many next time
        self.asking = dict.fromkeys(room, FIRST_ASKED)

    def wanted(self) -> dict[str | None, int]:
        """How many tickets to fetch from which queues. Empty when all are full."""
        return {queue: _power_of_two(min(room, self.asking[queue])) for queue, room in self.room.items() if room > 0}

    def fetched(self, wanted: Mapping[str | None, int], found: Iterable[str]) -> bool:
        """Learn from one fetch, and take the room that its tickets need. Whether there may be more to fetch."""
        got = Counter(self._queue(queue) for queue in found)
        for queue, count in wanted.items():
            self.asking[queue] = min(2 * count, self.limits[queue]) if got[queue] == count else FIRST_ASKED
            self.room[queue] -= got[queue]
        return any(got[queue] == count for queue, count in wanted.items())

    def leave(self, queue: str) -> bool:
        """Make room again; whether the queue had been full until now."""
        name = self._queue(queue)
        self.room[name] += 1
        return self.room[name] == 1

    def _queue(self, queue: str) -> str | None:
        return None if None in self.room else queue


def _power_of_two(count: int) -> int:
    """The largest one that fits: each count is a statement of its own to prepare, so there should be few."""
    return 1 << (count.bit_length() - 1)
