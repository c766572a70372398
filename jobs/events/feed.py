"""Which events come after this one? Of one job by their number, of an owner in an order that skips nothing.

Transactions commit in another order than they began, so neither the time nor the position of a row tells what a reader
has seen. The feed is ordered by (xid, position) and shows only rows of transactions that are older than every one still
running: whatever commits later is behind all that was shown. A long transaction holds the feed up, and loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import COLUMNS, Job
from jobs.errors import InvalidInput
from jobs.events.cursor import Cursor

Json = dict[str, Any]

OPEN = ("pending", "processing")


@dataclass(frozen=True)
class Event:
    """`prev_seq`: the job's event before this one among those asked for, None for the first: proof of no gap."""

    job_id: UUID
    seq: int
    prev_seq: int | None
    type: str
    data: Json
    created_at: datetime
    xid: int
    position: int

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.xid, self.position)


@dataclass(frozen=True)
class JobPage:
    """`next`: where the next page begins. `ended`: the job had ended, and this page reaches to its end."""

    events: list[Event]
    has_more: bool
    next: int
    ended: bool


@dataclass(frozen=True)
class FeedPage:
    """`next`: where the next page begins. `hidden`: there is an event that must wait for an older transaction's end."""

    events: list[Event]
    has_more: bool
    next: Cursor
    hidden: bool


# with a filter the event before is looked up; without one the numbers have no gap
PREVIOUS = (
    "CASE WHEN CAST(:types AS text[]) IS NULL THEN nullif(event.seq - 1, 0) ELSE (SELECT max(earlier.seq)"
    " FROM job_events earlier WHERE earlier.job_id = event.job_id AND earlier.seq < event.seq"
    " AND earlier.type = ANY(:types)) END AS prev_seq"
)
EVENT = f"event.job_id, event.seq, {PREVIOUS}, event.type, event.data, event.created_at, event.xid, event.position"
WANTED = "(CAST(:types AS text[]) IS NULL OR event.type = ANY(:types))"
TYPES = bindparam("types", type_=ARRAY(Text))

# one statement, so one snapshot: whether the job has ended, and its events up to there
OF_JOB = text(
    "SELECT page.*, job.event_seq AS latest, job.status FROM jobs job LEFT JOIN LATERAL ("
    f"SELECT {EVENT} FROM job_events event WHERE event.job_id = job.id AND event.seq > :after AND {WANTED}"
    " ORDER BY event.seq LIMIT :limit) page ON true WHERE job.id = :job_id ORDER BY page.seq"
).bindparams(TYPES)

# the oldest transaction that still runs, as the statement's own snapshot knows it
OLDEST = "(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
NEWEST = "(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"
LAST = (
    f"SELECT event.xid, event.position FROM job_events event WHERE event.owner = :owner AND event.xid < {OLDEST}"
    " ORDER BY event.xid DESC, event.position DESC LIMIT 1"
)

# one statement, so one snapshot: what it calls hidden, and where it says the shown part ends, are of the same moment
OF_OWNER = text(
    f"WITH page AS (SELECT {EVENT}, event.xid < {OLDEST} AS shown FROM job_events event"
    f" WHERE event.owner = :owner AND (event.xid, event.position) > (:xid, :position) AND {WANTED}"
    f" ORDER BY event.xid, event.position LIMIT :limit), last AS ({LAST})"
    f" SELECT page.*, last.xid AS last_xid, last.position AS last_position, :xid >= {NEWEST} AS ahead"
    " FROM (VALUES (1)) AS always LEFT JOIN last ON true LEFT JOIN page ON true ORDER BY page.xid, page.position"
).bindparams(TYPES)
TAIL = text(LAST)

JOBS = text(f"SELECT {COLUMNS} FROM jobs job WHERE id = ANY(:ids)")
OPEN_JOBS = text(
    f"SELECT {COLUMNS} FROM jobs job WHERE owner = :owner AND status IN ('pending', 'processing')"
    " ORDER BY created_at, id LIMIT :limit"
)


async def of_job(
    connection: AsyncConnection, job_id: UUID, *, after: int = 0, limit: int = 100, types: Sequence[str] | None = None
) -> JobPage:
    """The job's events after number `after`. `types`: only these. A job that is no more has ended."""
    values = {"job_id": job_id, "after": after, "limit": limit + 1, "types": _asked(types)}
    rows = (await connection.execute(OF_JOB, values)).mappings().all()
    found = [_event(row) for row in rows if row["seq"] is not None]
    page, has_more = found[:limit], len(found) > limit
    if has_more:
        return JobPage(page, True, page[-1].seq, ended=False)
    latest, status = (rows[0]["latest"], rows[0]["status"]) if rows else (after, None)
    return JobPage(page, False, max(after, latest), ended=status not in OPEN)


async def of_owner(
    connection: AsyncConnection,
    owner: str,
    *,
    after: Cursor | None = None,
    limit: int = 100,
    types: Sequence[str] | None = None,
) -> FeedPage:
    """The account's events after `after`; from the oldest that is kept without it."""
    start = after or Cursor()
    place = {"xid": start.xid, "position": start.position}
    values = {"owner": owner, **place, "limit": limit + 1, "types": _asked(types)}
    rows = (await connection.execute(OF_OWNER, values)).mappings().all()
    if rows[0]["ahead"]:
        raise _ahead()
    shown = [_event(row) for row in rows if row["shown"]]
    has_more, page = len(shown) > limit, shown[:limit]
    end = page[-1].cursor if page else start
    if not has_more and rows[0]["last_xid"] is not None:
        # what the filter left out need not be looked through again
        end = max(end, Cursor(rows[0]["last_xid"], rows[0]["last_position"]))
    return FeedPage(page, has_more, end, hidden=any(row["shown"] is False for row in rows))


async def tail(connection: AsyncConnection, owner: str) -> Cursor:
    """Behind the last event that is shown now: from here a reader sees what is new."""
    row = (await connection.execute(TAIL, {"owner": owner})).first()
    return Cursor(*row) if row else Cursor()


async def jobs_of(connection: AsyncConnection, events: Sequence[Event]) -> dict[UUID, Job]:
    """The jobs that these events tell of, as they are now."""
    ids = list({event.job_id for event in events})
    if not ids:
        return {}
    return {row["id"]: Job(**row) for row in (await connection.execute(JOBS, {"ids": ids})).mappings()}


async def open_jobs(connection: AsyncConnection, owner: str, limit: int) -> list[Job]:
    """The account's jobs that have not ended, the oldest first."""
    return [Job(**row) for row in (await connection.execute(OPEN_JOBS, {"owner": owner, "limit": limit})).mappings()]


def _ahead() -> InvalidInput:
    return InvalidInput(
        "This place is ahead of everything that there is: the database was restored from a backup since."
        " Read the feed anew, without `after` and Last-Event-ID.",
        code="cursor_ahead",
    )


def _asked(types: Sequence[str] | None) -> list[str] | None:
    return list(types) if types else None


NAMES = [field.name for field in fields(Event)]


def _event(row: Any) -> Event:
    return Event(**{name: row[name] for name in NAMES})
