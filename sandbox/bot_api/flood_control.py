"""Does a bot send faster than Telegram lets it?"""

import math
from dataclasses import dataclass, field

from sandbox.bot_api.options import FloodLimits


@dataclass
class Bucket:
    """Refills at `rate` a second up to `size`; a call takes one."""

    rate: float
    size: float
    left: float
    refilled_at: float

    def refill(self, at: float) -> None:
        self.left = min(self.size, self.left + (at - self.refilled_at) * self.rate)
        self.refilled_at = at

    def wait(self) -> float:
        return 0.0 if self.left >= 1 else (1 - self.left) / self.rate


@dataclass
class FloodControl:
    limits: FloodLimits
    overall: Bucket | None = None
    chats: dict[int, Bucket] = field(default_factory=dict)

    def refusal(self, chat_id: int, at: float) -> int | None:
        """Whole seconds to wait, or None where the call may pass (and is counted)."""
        if self.overall is None:
            size = self.limits.overall_per_second
            self.overall = Bucket(size, size, size, at)
        burst = self.limits.chat_burst
        chat = self.chats.setdefault(chat_id, Bucket(self.limits.chat_per_second, burst, burst, at))
        buckets = (self.overall, chat)
        for bucket in buckets:
            bucket.refill(at)
        wait = max(bucket.wait() for bucket in buckets)
        if wait > 0:
            return math.ceil(wait)
        for bucket in buckets:
            bucket.left -= 1
        return None
