"""The fleet's one way to call a provider: is it up, is there room, is there budget; and what became of the call."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import structlog

from jobs.db.provider import provider_gate as gate
from jobs.db.provider.provider_gate import BreakerRules, Effects, Entry, Limits
from jobs.db.session import Database
from jobs.errors import PostgenError, TemporaryError
from jobs.guard.call import Call, Caller, Target
from jobs.guard.effects import forgive
from jobs.guard.ledger import Ledger, Unanswered
from jobs.guard.local_limits import LocalLimits
from jobs.guard.refusals import refuse
from jobs.guard.settings import GuardSettings, Sort
from jobs.guard.waiting import Waiting

log = structlog.get_logger()

# how long a call waits for a slot before its job goes back to the queue
PATIENCE = 5.0
# a slot that this worker frees is handed on at once; those of other workers are looked for
LOOK_AGAIN = 0.5
# however slowly an answer trickles in, and with all repairs
DEADLINES: dict[Sort, float] = {"llm": 600.0, "image": 1800.0}


class Guard:
    """Open it around all calls of a worker: `async with guard: … async with guard.call(target, caller) as call: …`"""

    def __init__(
        self,
        database: Database,
        settings: GuardSettings,
        *,
        rules: BreakerRules | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.settings = settings
        self.rules = rules or BreakerRules()
        self.patience = patience
        self.local = LocalLimits(self.rules)
        self.ledger = Ledger(database, self.rules)
        self.waiting = Waiting()

    async def __aenter__(self) -> Self:
        self.ledger.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ledger.aclose()

    async def announce(self, targets: set[tuple[str, Sort]]) -> None:
        """Let those who look see the limits of these providers, before the first call."""
        for provider, sort in sorted(targets):
            limits = self.settings.limits(provider, sort)
            async with self.ledger.database.transaction() as connection:
                # in the order in which a call locks them
                await gate.resize(connection, f"sort:{sort}", limits.of_sort)
                await gate.resize(connection, f"provider:{provider}", limits.of_provider)
                await gate.announce(connection, provider, limits)

    @asynccontextmanager
    async def call(self, target: Target, caller: Caller, *, deadline: float | None = None) -> AsyncIterator[Call]:
        """Around one request. Raises ProviderAway, ProviderBusy or BudgetSpent where it may not be made.

        `deadline`: seconds for all of it, unless the sort's own will do. What the body raises decides what the fleet
        learns of the provider; tell `answered` of what went well.
        """
        seconds = DEADLINES[target.sort] if deadline is None else deadline
        # its slot is given back before it waits to be at work again
        async with caller.aside(), self._call(Call(target, caller), seconds) as call:
            yield call

    @asynccontextmanager
    async def _call(self, call: Call, seconds: float) -> AsyncIterator[Call]:
        target = call.target
        await self._enter(call)
        effects = Effects("none")
        try:
            try:
                async with asyncio.timeout(seconds) as limit:
                    yield call
            except TimeoutError:
                if not limit.expired():
                    raise
                detail = f"{target.provider} did not come to an end within {seconds:.0f} s."
                raise TemporaryError(detail, code="provider_timeout") from None
        except BaseException as error:
            effects = call.ended(error)
            if isinstance(error, PostgenError):
                forgive(error)
            raise
        else:
            effects = call.ended(None)
        finally:
            await self._leave(call, effects)

    async def _enter(self, call: Call) -> None:
        target = call.target
        limits = self.settings.limits(target.provider, target.sort, yields=call.caller.yields)
        try:
            entry = await self._answer(call, limits)
            if entry.verdict != "go":
                refuse(entry, target.provider, target.sort, limits)
        except BaseException:
            self.ledger.forget(call)
            raise
        call.starts(entry)
        self.local.started(target.provider, target.sort)

    async def _answer(self, call: Call, limits: Limits) -> Entry:
        """Waits a little for a slot."""
        loop = asyncio.get_running_loop()
        patient_until = loop.time() + self.patience
        while (entry := await self._ask(call, limits)).verdict == "full" and loop.time() < patient_until:
            pause = min(LOOK_AGAIN, patient_until - loop.time())
            await self.waiting.wait(call.target, pause, yields=call.caller.yields)
        return entry

    async def _ask(self, call: Call, limits: Limits) -> Entry:
        """PostgreSQL, or if it does not answer soon, this worker's own limits: the guard is never the outage."""
        target, now = call.target, asyncio.get_running_loop().time()
        if self.ledger.can_be_asked(now):
            try:
                return await self.ledger.enter(call, limits)
            except Unanswered as trouble:
                now = asyncio.get_running_loop().time()
                self.ledger.leave_alone(now)
                log.warning(
                    "the guard goes on without PostgreSQL: calls stay within this worker's share of the limits",
                    provider=target.provider,
                    reason=str(trouble),
                )
        return self.local.enter(target.provider, target.sort, limits, now)

    async def _leave(self, call: Call, effects: Effects) -> None:
        target, now = call.target, asyncio.get_running_loop().time()
        self.local.ended(target.provider, target.sort, effects, now, is_probe=call.entry.is_probe)
        await self.ledger.leave(call, effects, then=partial(self.waiting.hand_on, target))
