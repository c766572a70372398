"""What tests of the guard are made of: guards with a database or a worker of their own, and calls to order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jobs.db.provider import provider_report
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.provider.provider_report import ProviderReport
from jobs.db.session import Database
from jobs.errors import PostgenError, TemporaryError
from jobs.guard.call import Caller, Target
from jobs.guard.guard import Guard
from jobs.guard.settings import GuardSettings
from jobs.settings import DatabaseSettings

VENICE = Target("venice", "llm", "tiny")
NOBODY = Caller()
DOWN = TemporaryError("The language model is down (503).", code="llm_overloaded")
# nothing in a test waits for long
QUICK = BreakerRules(threshold=3, first_open=0.3, longest_open=1.0, lease=1.0)


def settings(**limits: Any) -> GuardSettings:
    return GuardSettings(**limits, _env_file=None)


@asynccontextmanager
async def opened_guard(database: Database, rules: BreakerRules = QUICK, **limits: Any) -> AsyncIterator[Guard]:
    patience = limits.pop("patience", 0.0)
    async with Guard(database, settings(**limits), rules=rules, patience=patience) as guard:
        yield guard


@asynccontextmanager
async def other_worker(url: str, rules: BreakerRules = QUICK, **limits: Any) -> AsyncIterator[Guard]:
    """With connections of its own, as another process has."""
    database = Database(DatabaseSettings(database_url=url), pool_size=4)
    try:
        async with opened_guard(database, rules, **limits) as guard:
            yield guard
    finally:
        await database.aclose()


async def call(
    guard: Guard, error: Exception | None = None, *, target: Target = VENICE, caller: Caller = NOBODY
) -> None:
    """One call, which ends with the error, or well."""
    async with guard.call(target, caller):
        if error:
            raise error


async def attempt(guard: Guard, error: Exception | None = None, **more: Any) -> str:
    """The code of what came of it, or "well"."""
    try:
        await call(guard, error, **more)
    except PostgenError as failure:
        return failure.code
    return "well"


async def settled(guard: Guard) -> None:
    """What was under way in the background is done."""
    while guard.ledger.leaving:
        await asyncio.wait(guard.ledger.leaving)


async def seen(database: Database, name: str = "venice") -> ProviderReport:
    found, _ = await provider_report.report(database)
    [one] = [each for each in found if each.name == name]
    return one


async def trip(guard: Guard) -> None:
    """As many failures in a row as open the breaker."""
    for _ in range(guard.rules.threshold):
        assert await attempt(guard, DOWN) == DOWN.code
