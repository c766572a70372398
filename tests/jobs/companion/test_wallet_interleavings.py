"""Ten thousand steps in random order on many connections at once: nobody pays twice, and nothing is lost or made.

Each transaction does what the bot does in one: accept a job, end it, retry it, credit a payment, take one back; some
are done over again, and some are rolled back at the end. What was committed is remembered beside, and compared.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wallet.accounts import Sum, Wallet
from jobs.companion.wallet.prices import Money, Price
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.db.commit import PASSING_SQLSTATES
from jobs.db.session import Database
from tests.factories import rows, value
from tests.jobs.companion.purses import economy, let_time_pass, sound

STEPS = 10_000
CONNECTIONS = 8
RUNS = 4
PEOPLE = range(1, 6)
START, MOST, SECONDS = 40, 12, 50.0
WALLET = Wallet(economy(diamonds_start=START, energy_max=MOST, energy_refill_seconds=SECONDS))
PRICES = (Price("energy", 1, "reply"), Price("energy", 3, "reply"), Price("diamonds", 7, "picture"))


class RolledBack(Exception):
    pass


@dataclass
class Work:
    """One job as its owner sees it. `retry` counts its tries; `state`: open, refunded or completed."""

    id: UUID
    user: int
    price: Price
    retry: int = 0
    state: str = "open"


@dataclass
class World:
    """What is known to have been committed."""

    chance: random.Random
    database: Database
    works: dict[int, list[Work]] = field(default_factory=lambda: {person: [] for person in PEOPLE})
    charged: set[tuple[UUID, int]] = field(default_factory=set)
    refunded: set[tuple[UUID, int]] = field(default_factory=set)
    bought: dict[str, tuple[int, Sum]] = field(default_factory=dict)
    taken_back: set[str] = field(default_factory=set)
    passed: Counter[int] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)

    async def commit(self, *steps: Callable[[AsyncConnection], Awaitable[object]]) -> bool:
        """All of them in one transaction, some of them twice; False when it came to nothing."""
        try:
            async with self.database.transaction() as connection:
                for step in steps:
                    for _ in range(self.chance.choice((1, 1, 2))):
                        await step(connection)
                if self.chance.random() < 0.1:
                    raise RolledBack
        except (RolledBack, InsufficientFunds) as ended:
            self.done[type(ended).__name__] += 1
            return False
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in PASSING_SQLSTATES:
                raise
            self.done["lost to another one"] += 1
            return False
        return True

    async def accept(self, user: int) -> None:
        work = Work(uuid4(), user, self.chance.choice(PRICES))
        if await self.commit(lambda c: WALLET.charge(c, user, work.id, work.price)):
            self.charged.add((work.id, 0))
            self.works[user].append(work)

    async def end(self, user: int) -> None:
        """As failure, cancellation or expiry: two of them at once, of which the status lets one through."""
        if work := self.some(user, "open"):
            work.state = "ending"
            key = (work.id, work.retry)
            both = await asyncio.gather(
                self.commit(lambda c: WALLET.refund(c, work.id, retry=work.retry)),
                self.commit(lambda c: WALLET.refund(c, work.id, retry=work.retry)),
            )
            work.state = "refunded" if any(both) else "open"
            self.refunded |= {key} if any(both) else set()

    async def complete(self, user: int) -> None:
        if work := self.some(user, "open"):
            work.state = "completed"

    async def retry(self, user: int) -> None:
        if work := self.some(user, "refunded"):
            work.state, retry = "retrying", work.retry + 1
            if await self.commit(lambda c: WALLET.charge(c, user, work.id, work.price, retry=retry)):
                work.retry, work.state = retry, "open"
                self.charged.add((work.id, retry))
            else:
                work.state = "refunded"

    async def replay(self, user: int) -> None:
        """What was done is asked for again, however long ago it was."""
        if not self.works[user]:
            return
        work = self.chance.choice(self.works[user])
        # as it is now: while the transaction waits for its turn, others go on to the next try
        retry = work.retry
        if work.state in ("open", "completed"):
            await self.commit(lambda c: WALLET.charge(c, user, work.id, work.price, retry=retry))
        elif work.state == "refunded":
            await self.commit(lambda c: WALLET.refund(c, work.id, retry=retry))
        if retry:
            await self.commit(lambda c: WALLET.refund(c, work.id, retry=0))

    async def buy(self, user: int) -> None:
        """The payment's message and the nightly look at Telegram's list, at once."""
        unit: Money = self.chance.choice(("energy", "diamonds"))
        charge_id, money = uuid4().hex, Sum(unit, self.chance.randint(1, 12))
        both = await asyncio.gather(
            *(self.commit(lambda c: WALLET.credit(c, user, money, "purchase", charge_id)) for _ in range(2))
        )
        if any(both):
            self.bought[charge_id] = (user, money)

    async def take_back(self, user: int) -> None:
        theirs = [key for key, (owner, _) in self.bought.items() if owner == user]
        if theirs:
            charge_id = self.chance.choice(theirs)
            money = self.bought[charge_id][1]
            if await self.commit(lambda c: WALLET.take_back(c, user, money, charge_id)):
                self.taken_back.add(charge_id)

    async def wait(self, user: int) -> None:
        seconds = self.chance.randint(1, 400)
        if await self.commit_once(lambda c: let_time_pass(c, seconds, user)):
            self.passed[user] += seconds

    async def commit_once(self, step: Callable[[AsyncConnection], Awaitable[object]]) -> bool:
        async with self.database.transaction() as connection:
            await step(connection)
        return True

    def some(self, user: int, state: str) -> Work | None:
        found = [work for work in self.works[user] if work.state == state]
        return self.chance.choice(found) if found else None


async def live(world: World, steps: int) -> None:
    kinds = (world.accept, world.end, world.complete, world.retry, world.replay, world.buy, world.take_back, world.wait)
    for _ in range(steps):
        step = world.chance.choices(kinds, (30, 16, 8, 12, 10, 8, 4, 12))[0]
        await step(world.chance.choice(PEOPLE))
        world.done[step.__name__] += 1


# the first 2,500 steps always; all ten thousand with the faults
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, RUNS))])
async def test_random_interleavings(database_url: str, database: Database, seed: int) -> None:
    world, began = World(random.Random(seed), database), time.monotonic()
    # they take turns in whatever order the database answers
    await asyncio.gather(*(live(world, STEPS // RUNS // CONNECTIONS + 1) for _ in range(CONNECTIONS)))
    await sound(database)
    await compare_jobs(world)
    await compare_sums(world, time.monotonic() - began)
    assert min(world.done[name] for name in ("accept", "end", "retry", "replay", "buy", "take_back", "wait")) > 30
    assert world.done["InsufficientFunds"] > 30, "it must have come to nothing now and then"
    assert world.done["RolledBack"] > 30


async def compare_jobs(world: World) -> None:
    for reason, known in (("charge", world.charged), ("refund", world.refunded)):
        found = await rows(world.database, f"SELECT job_id, retry FROM wallet_entries WHERE reason = '{reason}'")
        assert {(row["job_id"], row["retry"]) for row in found} == known
        assert len(found) == len(known)
    unfinished = {(work.id, work.retry) for works in world.works.values() for work in works if work.state != "refunded"}
    assert world.charged - world.refunded == unfinished, "paid are those that run and those that were completed"


async def compare_sums(world: World, elapsed: float) -> None:
    """From what was committed alone: what was begun with, bought, spent, returned and taken back."""
    for person in PEOPLE:
        expected = {"energy": 0, "diamonds": START}
        for owner, money in (world.bought[each] for each in world.bought if each not in world.taken_back):
            expected[money.unit] += money.amount if owner == person else 0
        for work in world.works[person]:
            expected[work.price.unit] -= work.price.amount if work.state != "refunded" else 0
        came = "SELECT coalesce(sum(came), 0) FROM wallet_entries WHERE user_id = :user AND unit = 'energy'"
        by_itself = int(await value(world.database, came, user=person))
        assert by_itself <= MOST + (world.passed[person] + elapsed) / SECONDS + 1, "no more than time brings"
        expected["energy"] += by_itself
        for unit, amount in expected.items():
            sums = "SELECT coalesce(sum(amount + came), 0) FROM wallet_entries WHERE user_id = :user AND unit = :unit"
            has = int(await value(world.database, sums, user=person, unit=unit))
            owes = int(await value(world.database, sums, user=person, unit=f"{unit}_owed"))
            assert has - owes == amount, (person, unit)
