"""Which updates wait for a bot, and what became of those that were sent?"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.bot_api.wire import Wire, now, without_none

KEPT_UPDATES = 5_000
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(frozen=True)
class DeliveryAttempt:
    started_at: float
    finished_at: float
    status: int | None
    error: str | None

    def wire(self) -> Wire:
        return without_none(
            started_at=self.started_at, finished_at=self.finished_at, status=self.status, error=self.error
        )


@dataclass
class Update:
    """Updates of one `queue` reach the webhook one after the other; queues do not wait for each other."""

    update_id: int
    kind: str
    payload: Wire
    queue: str
    user_id: int
    created_at: float
    expires_at: float
    state: str = "pending"
    attempts: list[DeliveryAttempt] = field(default_factory=list)

    def wire(self) -> Wire:
        """The Update object of the Bot API."""
        return {"update_id": self.update_id, self.kind: self.payload}

    def view(self) -> Wire:
        return {
            "update_id": self.update_id,
            "kind": self.kind,
            "queue": self.queue,
            "state": self.state,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "attempts": [attempt.wire() for attempt in self.attempts],
            "update": self.wire(),
        }


class Outbox:
    """`changed` is called with each new update and with each one that leaves."""

    def __init__(self, changed: Callable[[Update], None]) -> None:
        self.changed = changed
        self.pending: dict[int, Update] = {}
        self.history: deque[Update] = deque(maxlen=KEPT_UPDATES)
        self.next_id = 100_000_000 + secrets.randbelow(800_000_000)
        self.allowed: list[str] = []

    def admits(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT

    def add(self, kind: str, payload: Wire, *, queue: str, user_id: int, lifetime: float) -> Update | None:
        """None where the bot did not ask for this kind: such an update takes no number."""
        if not self.admits(kind):
            return None
        created = now()
        update = Update(self.next_id, kind, payload, queue, user_id, created, created + lifetime)
        self.next_id += 1
        self.pending[update.update_id] = update
        self.history.append(update)
        self.changed(update)
        return update

    def settle(self, update: Update, state: str) -> None:
        """`delivered`, `expired` or `dropped`."""
        update.state = state
        if self.pending.pop(update.update_id, None) is not None:
            self.changed(update)

    def waiting(self) -> list[Update]:
        """What is still worth delivering; the rest expires here."""
        for update in list(self.pending.values()):
            if update.expires_at <= now():
                self.settle(update, "expired")
        return list(self.pending.values())

    def drop_all(self) -> None:
        for update in list(self.pending.values()):
            self.settle(update, "dropped")

    def find(self, update_id: int) -> Update | None:
        return next((update for update in self.history if update.update_id == update_id), None)
