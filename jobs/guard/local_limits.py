"""What a worker allows itself while PostgreSQL does not answer: a share of the limits, and a breaker of its own."""

from collections import Counter
from dataclasses import dataclass, field

from jobs.db.provider.provider_gate import BreakerRules, Effects, Entry, Limits

# a fleet has several workers, and none of them can ask what the others do
SHARE = 4
WHILE_PROBED = 2.0


@dataclass
class LocalBreaker:
    """Times are the event loop's. It hears of each call, so that it knows the state when it is needed."""

    failures: int = 0
    trips: int = 0
    open_until: float | None = None
    probe_until: float = 0.0
    cool_until: float = 0.0

    def ask(self, now: float, rules: BreakerRules) -> Entry:
        if self.cool_until > now:
            return Entry("cooling", self.cool_until - now)
        if self.open_until is None:
            return Entry("go")
        if self.open_until > now:
            return Entry("open", self.open_until - now)
        if self.probe_until > now:
            return Entry("probing", WHILE_PROBED)
        self.probe_until = now + rules.lease
        return Entry("go", is_probe=True)

    def hear(self, effects: Effects, now: float, rules: BreakerRules, *, is_probe: bool) -> None:
        self.cool_until = max(self.cool_until, now + effects.cool)
        if is_probe:
            self.probe_until = 0.0
        if effects.effect in ("success", "answered"):
            if is_probe:
                self.failures, self.trips, self.open_until = 0, 0, None
            elif effects.effect == "success" and self.open_until is None:
                self.failures = 0
        elif effects.effect in ("failure", "shut"):
            self._failed(effects, now, rules, is_probe=is_probe)

    def _failed(self, effects: Effects, now: float, rules: BreakerRules, *, is_probe: bool) -> None:
        if self.open_until is not None and not is_probe:
            return
        self.failures += 1
        if is_probe or effects.effect == "shut" or self.failures >= rules.threshold:
            longest = min(rules.longest_open, rules.first_open * 2.0 ** min(self.trips, 30))
            self.open_until = now + (effects.shut_for if effects.effect == "shut" else longest)
            self.failures, self.trips = 0, self.trips + 1


@dataclass
class LocalLimits:
    """Counts all calls of this worker, also those that PostgreSQL has allowed."""

    rules: BreakerRules
    under_way: Counter[str] = field(default_factory=Counter)
    breakers: dict[str, LocalBreaker] = field(default_factory=dict)

    def enter(self, provider: str, sort: str, limits: Limits, now: float) -> Entry:
        if self.under_way[f"sort:{sort}"] >= _share(limits.of_sort):
            return Entry("full", reason="sort")
        if limits.of_provider and self.under_way[f"provider:{provider}"] >= _share(limits.of_provider):
            return Entry("full", reason="provider")
        return self.breaker(provider).ask(now, self.rules)

    def started(self, provider: str, sort: str) -> None:
        self.under_way.update((f"sort:{sort}", f"provider:{provider}"))

    def ended(self, provider: str, sort: str, effects: Effects, now: float, *, is_probe: bool) -> None:
        self.under_way.subtract((f"sort:{sort}", f"provider:{provider}"))
        self.breaker(provider).hear(effects, now, self.rules, is_probe=is_probe)

    def breaker(self, provider: str) -> LocalBreaker:
        return self.breakers.setdefault(provider, LocalBreaker())


def _share(limit: int) -> int:
    return max(1, limit // SHARE)
