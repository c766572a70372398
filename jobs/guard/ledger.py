"""The guard and PostgreSQL: no talk longer than a call can wait, and nothing that was taken stays taken."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.provider import provider_gate as gate
from jobs.db.provider.provider_gate import BreakerRules, Effects, Entry, Limits
from jobs.db.session import Database
from jobs.guard.call import Call

log = structlog.get_logger()

# PostgreSQL answers within milliseconds; after this a call goes without
LONGEST_ANSWER = 1.0
# after no answer, nobody asks for so long: each would wait in vain, and hold a connection
LEFT_ALONE = 5.0


class Unanswered(Exception):
    """Why, in a few words."""


class Ledger:
    """`open` before the first call, `aclose` after the last."""

    def __init__(self, database: Database, rules: BreakerRules) -> None:
        self.database = database
        self.rules = rules
        self.asked: dict[UUID, asyncio.Task[Entry]] = {}
        self.leased: set[UUID] = set()
        self.leaving: set[asyncio.Task[None]] = set()
        self.not_before = 0.0
        self.renewing: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.renewing = asyncio.create_task(self._renew(), name="leases of the guard")

    async def aclose(self) -> None:
        """Waits for what is being given back, not for long; what is left comes back by itself."""
        if self.renewing:
            self.renewing.cancel()
            await asyncio.wait([self.renewing])
        if self.leaving:
            await asyncio.wait(self.leaving, timeout=2 * LONGEST_ANSWER)
        unfinished = [*self.leaving, *self.asked.values()]
        for task in unfinished:
            task.cancel()
        if unfinished:
            await asyncio.wait(unfinished)

    def can_be_asked(self, now: float) -> bool:
        return now >= self.not_before

    def leave_alone(self, now: float) -> None:
        self.not_before = now + LEFT_ALONE

    async def enter(self, call: Call, limits: Limits) -> Entry:
        """Raises Unanswered. The answer may still come: whatever becomes of the call, `leave` or `forget` it."""
        asking = self.asked.get(call.id)
        if asking is None:
            asking = self.asked[call.id] = asyncio.create_task(self._enter(call, limits), name="enter")
        await asyncio.wait({asking}, timeout=LONGEST_ANSWER)
        if not asking.done():
            raise Unanswered(f"no answer within {LONGEST_ANSWER:.0f} s")
        if error := asking.exception():
            del self.asked[call.id]
            raise Unanswered(reason(error))
        if asking.result().verdict != "go":
            del self.asked[call.id]
        return asking.result()

    def forget(self, call: Call) -> None:
        """The call is not made after all."""
        if call.id in self.asked:
            self._give_back(call, Effects("none"), None)

    async def leave(self, call: Call, effects: Effects, then: Callable[[], None]) -> None:
        """Returns at once where nobody needs to know before the next call is made. `then`: once the slot is free."""
        giving = self._give_back(call, effects, then)
        if effects.effect in ("failure", "shut") or effects.cool:
            # the next call of this job must find it
            await asyncio.wait({giving}, timeout=LONGEST_ANSWER)

    async def _enter(self, call: Call, limits: Limits) -> Entry:
        target = call.target
        async with self.database.statement() as connection:
            entry = await gate.enter(
                connection, call.id, target.provider, target.sort, limits, call.caller.root_id, self.rules.lease
            )
        if entry.verdict == "go":
            self.leased.add(call.id)
        return entry

    def _give_back(self, call: Call, effects: Effects, then: Callable[[], None] | None) -> "asyncio.Task[None]":
        giving = asyncio.create_task(self._leave(call, effects, then), name="leave")
        self.leaving.add(giving)
        giving.add_done_callback(self.leaving.discard)
        return giving

    async def _leave(self, call: Call, effects: Effects, then: Callable[[], None] | None) -> None:
        try:
            asking = self.asked.pop(call.id, None)
            if asking:
                # what was granted late is given back as well
                await asyncio.wait({asking})
            self.leased.discard(call.id)
            if asking or self.can_be_asked(asyncio.get_running_loop().time()):
                async with self.database.statement() as connection:
                    await gate.leave(connection, call.id, call.target.provider, effects, self.rules)
        except DATABASE_ERRORS as error:
            # the slot comes back when its lease ends
            log.warning("PostgreSQL does not hear how a call ended", reason=reason(error))
        finally:
            if then:
                then()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.rules.lease / 3)
            if not self.leased:
                continue
            try:
                async with asyncio.timeout(self.rules.lease / 3), self.database.statement() as connection:
                    await gate.renew(connection, list(self.leased), self.rules.lease)
            except DATABASE_ERRORS as error:
                log.warning("the leases of calls under way could not be renewed", reason=reason(error))
