"""How the providers do, for those who watch: breakers, calls under way, budgets, and the last hour in figures."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.session import Database

State = Literal["closed", "open", "half_open"]
WINDOWS = (1, 15, 60)


@dataclass(frozen=True)
class Window:
    """The calls of so many minutes whose runs have ended."""

    minutes: int
    calls: int
    failures: int


@dataclass(frozen=True)
class ProviderReport:
    """`probe_in`: seconds until an open breaker lets one call try. `cooling`: seconds for which the provider asked.

    `used_today` of `daily_calls`, in UTC. `failure`: of the last call that failed, however long ago.
    """

    name: str
    state: State
    probe_in: float
    probing: bool
    cooling: float
    failures_in_a_row: int
    in_flight: int
    max_concurrent: int | None
    used_today: int
    daily_calls: int | None
    failure_class: str | None
    failure: str | None
    failed_at: datetime | None
    windows: tuple[Window, ...]

    @property
    def budget_left(self) -> int | None:
        return None if self.daily_calls is None else max(0, self.daily_calls - self.used_today)


@dataclass(frozen=True)
class SortReport:
    """All calls of one sort together, to whichever provider."""

    sort: str
    in_flight: int
    max_concurrent: int


COUNTS = ", ".join(
    f"count(*) FILTER (WHERE started_at > now() - interval '{minutes} min') AS calls_{minutes},"
    f" count(*) FILTER (WHERE started_at > now() - interval '{minutes} min' AND outcome <> 'success')"
    f" AS failures_{minutes}"
    for minutes in WINDOWS
)
PROVIDERS = text(
    "SELECT provider.*, coalesce(day.calls, 0) AS used_today, coalesce(flight.calls, 0) AS in_flight, recent.*,"
    " CASE WHEN open_until IS NULL THEN 'closed' WHEN open_until > now() THEN 'open' ELSE 'half_open' END AS state,"
    " greatest(0, extract(epoch FROM open_until - now()))::float8 AS probe_in,"
    " greatest(0, extract(epoch FROM cool_until - now()))::float8 AS cooling,"
    " coalesce(probe_until > now(), false) AS probing"
    " FROM providers AS provider"
    " LEFT JOIN provider_days AS day ON day.provider = name AND day.day = (now() AT TIME ZONE 'UTC')::date"
    " LEFT JOIN (SELECT provider, count(*) AS calls FROM provider_slots"
    "  WHERE pool LIKE 'sort:%' AND until > now() GROUP BY provider) AS flight ON flight.provider = name"
    f" CROSS JOIN LATERAL (SELECT {COUNTS} FROM provider_calls AS made"
    f"  WHERE made.provider = provider.name AND started_at > now() - interval '{max(WINDOWS)} min') AS recent"
    " ORDER BY name"
)
SORTS = text(
    "SELECT substr(pool, 6) AS sort, count(*) FILTER (WHERE until > now()) AS in_flight, count(*) AS max_concurrent"
    " FROM provider_slots WHERE pool LIKE 'sort:%' GROUP BY pool ORDER BY pool"
)


async def providers(connection: AsyncConnection) -> list[ProviderReport]:
    """All that a worker was ever set up for."""
    return [_report(dict(row)) for row in (await connection.execute(PROVIDERS)).mappings()]


async def sorts(connection: AsyncConnection) -> list[SortReport]:
    return [SortReport(**row) for row in (await connection.execute(SORTS)).mappings()]


async def report(database: Database) -> tuple[list[ProviderReport], list[SortReport]]:
    async with database.transaction() as connection:
        return await providers(connection), await sorts(connection)


def _report(row: dict[str, object]) -> ProviderReport:
    windows = tuple(
        Window(minutes, row[f"calls_{minutes}"], row[f"failures_{minutes}"])  # type: ignore[arg-type]  # counts
        for minutes in WINDOWS
    )
    named = {name: row[name] for name in ProviderReport.__dataclass_fields__ if name in row}
    return ProviderReport(
        **named,  # type: ignore[arg-type]  # a row of the query above
        failures_in_a_row=row["failures"],  # type: ignore[arg-type]  # a number
        windows=windows,
    )
