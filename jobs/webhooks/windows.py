"""How many sends to one endpoint may be under way in this process, so that one that hangs costs the others nothing."""

import time
from collections.abc import Callable
from uuid import UUID

from jobs.db.delivery.deliveries import SLOW_SECONDS

WIDEST = 4
MOST_REMEMBERED = 10_000


class Windows:
    """One at first, one more after each success, one again after a failure: who hangs holds few places."""

    def __init__(self, widest: int = WIDEST, clock: Callable[[], float] = time.monotonic) -> None:
        self.widest = widest
        self.clock = clock
        # when each send that is under way began, the oldest first
        self.under_way: dict[UUID, list[float]] = {}
        self.width: dict[UUID, int] = {}

    def room(self, endpoint_id: UUID) -> int:
        """How many more may be under way."""
        began = self.under_way.get(endpoint_id, [])
        if began and self.clock() - began[0] > SLOW_SECONDS:
            return 0
        return max(0, self.width.get(endpoint_id, 1) - len(began))

    def enter(self, endpoint_id: UUID) -> float | None:
        """A place, for `leave` to give back; None when there is no room."""
        if not self.room(endpoint_id):
            return None
        place = self.clock()
        self.under_way.setdefault(endpoint_id, []).append(place)
        return place

    def leave(self, endpoint_id: UUID, place: float, *, success: bool) -> None:
        self.under_way[endpoint_id].remove(place)
        if not self.under_way[endpoint_id]:
            del self.under_way[endpoint_id]
        if success:
            self.width[endpoint_id] = min(self.width.get(endpoint_id, 1) + 1, self.widest)
            self._forget_idle()
        else:
            self.width.pop(endpoint_id, None)

    def _forget_idle(self) -> None:
        if len(self.width) > MOST_REMEMBERED:
            self.width = {each: width for each, width in self.width.items() if each in self.under_way}
