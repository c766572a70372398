"""Whatever the order in which workers call, fail, die and wait: no limit is ever exceeded, and one call probes."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.db.provider import provider_gate as gate
from jobs.db.provider.provider_gate import BreakerRules, Effects, Limits
from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from tests.factories import execute, rows

SLOTS, DAY, JOB = 3, 12, 7
CONNECTIONS = 6
LIMITS = Limits(of_sort=SLOTS, of_provider=2, of_day=DAY, of_job=JOB)
RULES = BreakerRules(threshold=2, first_open=60.0, longest_open=600.0, lease=600.0)
FAILED = Effects("failure", "transient", "It is down.")

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(1, CONNECTIONS)),
        st.tuples(st.just("end"), st.sampled_from(["success", "answered", "failure", "none"])),
        st.tuples(st.just("die"), st.just(0)),
        st.tuples(st.just("time"), st.just(0)),
        st.tuples(st.just("expire"), st.just(0)),
        st.tuples(st.just("outage"), st.just(0)),
        st.tuples(st.just("burst"), st.integers(1, 9)),
    ),
    max_size=20,
)


@dataclass
class Fleet:
    """What the fleet must be like by its own account. `dead`: calls whose worker is gone with its lease unended."""

    database: Database
    root: UUID
    living: list[UUID] = field(default_factory=list)
    dead: list[UUID] = field(default_factory=list)
    probe: UUID | None = None
    granted: int = 0
    failures: int = 0
    is_open: bool = False
    time_is_up: bool = False

    async def enter(self, count: int) -> None:
        """So many at the same moment."""
        calls = [uuid4() for _ in range(count)]
        entries = await asyncio.gather(*(self._enter(call) for call in calls))
        went = [(call, entry) for call, entry in zip(calls, entries, strict=True) if entry.verdict == "go"]
        self.granted += len(went)
        self.living += [call for call, _ in went]
        probes = [call for call, entry in went if entry.is_probe]
        if self.is_open:
            assert len(went) == len(probes) <= 1
            assert not (probes and (self.probe or not self.time_is_up))
        else:
            assert not probes
        if probes:
            self.probe = probes[0]
        room = SLOTS - 1 - len(self.living) - len(self.dead)
        if not went and not self.is_open and self.granted < min(DAY, JOB):
            assert room <= 0, "nobody is refused without a reason"

    async def end(self, effect: Any) -> None:
        if not self.living:
            return
        call = self.living.pop(0)
        effects = FAILED if effect == "failure" else Effects(effect)
        async with self.database.statement() as connection:
            await gate.leave(connection, call, "venice", effects, RULES)
        self._learn(call, effect)

    async def die(self, _: int) -> None:
        if self.living:
            self.dead.append(self.living.pop(0))

    async def time(self, _: int) -> None:
        """The time for which the breaker stays open has passed."""
        await execute(self.database, "UPDATE providers SET open_until = now() WHERE open_until IS NOT NULL")
        self.time_is_up = self.is_open

    async def expire(self, _: int) -> None:
        """The leases of the dead have ended, and the living have renewed theirs."""
        for call in self.dead:
            await execute(
                self.database,
                f"UPDATE provider_slots SET until = now() WHERE call = '{call}'",
                f"UPDATE providers SET probe_until = now() WHERE probe = '{call}'",
            )
            if call == self.probe:
                self.probe = None
        self.dead.clear()

    async def outage(self, _: int) -> None:
        """The breaker opens, its time passes, and all workers call at the same moment."""
        for _turn in range(RULES.threshold):
            await self.enter(1)
            await self.end("failure")
        await self.time(0)
        await self.enter(CONNECTIONS)

    async def burst(self, calls: int) -> None:
        """One call after the other, all of which go well."""
        for _turn in range(calls):
            await self.enter(2)
            await self.end("success")
            await self.end("success")

    async def check(self) -> None:
        held = await rows(
            self.database,
            "SELECT pool, count(*) AS held, count(DISTINCT call) AS calls FROM provider_slots"
            " WHERE until > now() GROUP BY pool",
        )
        under_way = len(self.living) + len(self.dead)
        for pool in held:
            assert pool["held"] == pool["calls"] == under_way
        assert under_way <= 2, "the provider's own limit is the smaller one"
        counted = await rows(self.database, "SELECT calls FROM provider_days UNION ALL SELECT calls FROM job_calls")
        assert {row["calls"] for row in counted} <= {self.granted}
        assert self.granted <= min(DAY, JOB)
        [state] = await rows(self.database, "SELECT open_until IS NOT NULL AS is_open, failures FROM providers")
        assert state == {"is_open": self.is_open, "failures": self.failures}

    async def _enter(self, call: UUID) -> gate.Entry:
        async with self.database.statement() as connection:
            return await gate.enter(connection, call, "venice", "llm", LIMITS, self.root, RULES.lease)

    def _learn(self, call: UUID, effect: str) -> None:
        is_probe = call == self.probe
        if is_probe:
            self.probe = None
        if effect in ("success", "answered") and is_probe:
            self.is_open = self.time_is_up = False
            self.failures = 0
        elif effect == "success" and not self.is_open:
            self.failures = 0
        elif effect == "failure":
            self.failures += not self.is_open
            if is_probe or self.failures >= RULES.threshold:
                self.is_open, self.time_is_up, self.failures = True, False, 0


@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_order_of_events_exceeds_a_limit(database_url: str, steps: list[tuple[str, Any]]) -> None:
    asyncio.run(_play(database_url, steps))


async def _play(database_url: str, steps: list[tuple[str, Any]]) -> None:
    database = Database(DatabaseSettings(database_url=database_url), pool_size=CONNECTIONS)
    root = uuid4()
    await execute(
        database,
        "TRUNCATE providers, provider_slots, provider_days, job_calls",
        f"INSERT INTO jobs (id, kind, owner, queue) VALUES ('{root}', 'generate_reply', 'x', 'llm')",
        "INSERT INTO providers (name) VALUES ('venice')",
    )
    fleet = Fleet(database, root)
    try:
        await asyncio.gather(*(rows(database, "SELECT pg_sleep(0.01)") for _ in range(CONNECTIONS)))
        for name, value in steps:
            await getattr(fleet, name)(value)
            await fleet.check()
    finally:
        await database.aclose()
