"""May this call be made now, and what does the fleet learn from it? The statements of jobs/guard; migration 0006 has
what they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Verdict = Literal["go", "full", "open", "probing", "cooling", "day_spent", "job_spent"]
Effect = Literal["success", "answered", "failure", "shut", "none"]


@dataclass(frozen=True)
class Limits:
    """How many calls at a time of the sort and to the provider, and how many a day and for one job; None: any."""

    of_sort: int
    of_provider: int | None = None
    of_day: int | None = None
    of_job: int | None = None


@dataclass(frozen=True)
class BreakerRules:
    """After `threshold` failures in a row it opens for `first_open` seconds, then twice as long up to `longest_open`.

    `lease`: seconds after which a call that nobody speaks for any more gives back its slot and its right to probe.
    """

    threshold: int = 5
    first_open: float = 2.0
    longest_open: float = 120.0
    lease: float = 30.0


@dataclass(frozen=True)
class Entry:
    """`wait`: seconds until the breaker lets one call try or that one may have ended, or until the provider wants to be
    asked again.

    `reason`: why the breaker is open, or which limit is reached: of the sort, or of the provider.
    """

    verdict: Verdict
    wait: float = 0.0
    is_probe: bool = False
    reason: str | None = None


@dataclass(frozen=True)
class Effects:
    """What a call's end says about its provider. `cool`, `shut_for`: seconds without calls."""

    effect: Effect
    failure_class: str | None = None
    failure: str | None = None
    cool: float = 0.0
    shut_for: float = 0.0


ENTER = text(
    "SELECT verdict, wait, is_probe, reason"
    " FROM postgen_enter(:call, :provider, :sort, :of_sort, :of_provider, :of_day, :root, :of_job, :lease)"
)
LEAVE = text(
    "SELECT postgen_leave(:call, :provider, :effect, :class, :words, :cool, :shut_for, :threshold, :first_open,"
    " :longest_open)"
)
RENEW = text(
    "WITH slots AS (UPDATE provider_slots SET until = now() + make_interval(secs => :lease)"
    "  WHERE call = ANY(:calls) AND until > now())"
    " UPDATE providers SET probe_until = now() + make_interval(secs => :lease)"
    " WHERE probe = ANY(:calls) AND probe_until > now()"
)
ANNOUNCE = text(
    "INSERT INTO providers AS known (name, max_concurrent, daily_calls) VALUES (:name, :max_concurrent, :daily_calls)"
    " ON CONFLICT (name) DO UPDATE SET max_concurrent = :max_concurrent, daily_calls = :daily_calls"
    " WHERE (known.max_concurrent, known.daily_calls) IS DISTINCT FROM (:max_concurrent, :daily_calls)"
)
RESIZE = text("DELETE FROM provider_slots WHERE pool = :pool AND number >= :slots")
FILL = text(
    "INSERT INTO provider_slots (pool, number) SELECT :pool, generate_series(0, :slots - 1) ON CONFLICT DO NOTHING"
)
AWAY = text("SELECT name FROM providers WHERE name = ANY(:names) AND greatest(open_until, cool_until) > now()")
CLOSE = text(
    "UPDATE providers SET failures = 0, trips = 0, open_until = NULL, probe = NULL, probe_until = NULL,"
    " cool_until = NULL, changed_at = now() WHERE name = :name"
)


async def enter(
    connection: AsyncConnection, call: UUID, provider: str, sort: str, limits: Limits, root: UUID | None, lease: float
) -> Entry:
    """`root`: the job at the top of the tree that the call is made for. On "go", `leave` must follow."""
    values = {"call": call, "provider": provider, "sort": sort, "root": root, "lease": lease, **vars(limits)}
    row = (await connection.execute(ENTER, values)).one()
    return Entry(row.verdict, float(row.wait), bool(row.is_probe), row.reason)


async def leave(connection: AsyncConnection, call: UUID, provider: str, effects: Effects, rules: BreakerRules) -> None:
    values = {
        "call": call, "provider": provider, "effect": effects.effect, "class": effects.failure_class,
        "words": effects.failure, "cool": effects.cool, "shut_for": effects.shut_for, "threshold": rules.threshold,
        "first_open": rules.first_open, "longest_open": rules.longest_open,
    }  # fmt: skip
    await connection.execute(LEAVE, values)


async def renew(connection: AsyncConnection, calls: list[UUID], lease: float) -> None:
    """These calls are still under way. What a call has lost by silence does not come back to it."""
    await connection.execute(RENEW, {"calls": calls, "lease": lease})


async def announce(connection: AsyncConnection, name: str, limits: Limits) -> None:
    """Write down a provider's limits as this worker was told them, for those who look."""
    values = {"name": name, "max_concurrent": limits.of_provider, "daily_calls": limits.of_day}
    await connection.execute(ANNOUNCE, values)


async def resize(connection: AsyncConnection, pool: str, slots: int | None) -> None:
    """`pool` is sort:… or provider:…; None: it has no limit of its own."""
    await connection.execute(RESIZE, {"pool": pool, "slots": slots or 0})
    if slots:
        await connection.execute(FILL, {"pool": pool, "slots": slots})


async def away(connection: AsyncConnection, names: Sequence[str]) -> set[str]:
    """Those of them that are not called now: their breaker is open, or they asked for a pause."""
    return set((await connection.execute(AWAY, {"names": list(names)})).scalars())


async def close(connection: AsyncConnection, name: str) -> bool:
    """An operator has put it right: calls go through from now on. False for a provider that nobody has called."""
    return bool((await connection.execute(CLOSE, {"name": name})).rowcount)
