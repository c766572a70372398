"""The log of calls to providers: what a run asked, whom, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

KEPT_DAYS = 30
SUCCESS = "success"


@dataclass(frozen=True)
class ProviderCall:
    """`outcome`: success, or a class of jobs/providers/failure_class.py. `cost` in US dollars. `error` without secrets.

    `request_id`: the provider's own name for the call. `probe`: an open breaker let it through to see.
    """

    provider: str
    model: str
    sort: str
    outcome: str
    latency_ms: int
    started_at: datetime
    kind: str | None = None
    job_id: UUID | None = None
    status_code: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    request_id: str | None = None
    error: str | None = None
    probe: bool = False


@dataclass(frozen=True)
class LoggedCall(ProviderCall):
    """`id` grows with time, nearly: it is given when the run ends."""

    id: int = 0


COLUMNS = ", ".join(field.name for field in fields(ProviderCall))
SHAPE = (
    "provider text, model text, sort text, outcome text, latency_ms integer, started_at timestamptz, kind text,"
    " job_id uuid, status_code integer, prompt_tokens integer, completion_tokens integer, cost float8, request_id text,"
    " error text, probe boolean"
)
ROWS = f"INSERT INTO provider_calls ({COLUMNS}) SELECT {COLUMNS} FROM jsonb_to_recordset(:calls) AS call ({SHAPE})"
# for a statement that changes the job in a part named "job": the log is written only if that changed something
BESIDE_JOB = f"calls AS ({ROWS} WHERE EXISTS (SELECT FROM job))"
CALLS = bindparam("calls", type_=JSONB)
INSERT = text(ROWS).bindparams(CALLS)

# for jobs/db/retention.py
FORGET_CALLS = (
    "DELETE FROM provider_calls WHERE id IN (SELECT id FROM provider_calls"
    f" WHERE started_at < now() - interval '{KEPT_DAYS} days' LIMIT :chunk)"
)
FORGET_DAYS = (
    "DELETE FROM provider_days WHERE (provider, day) IN (SELECT provider, day FROM provider_days"
    f" WHERE day < now() - interval '{KEPT_DAYS} days' LIMIT :chunk)"
)


async def insert(connection: AsyncConnection, calls: Sequence[ProviderCall]) -> None:
    """In the transaction that writes the result of the run that made them."""
    if calls:
        await connection.execute(INSERT, {"calls": as_json(calls)})


async def page(
    connection: AsyncConnection,
    limit: int,
    *,
    before: int | None = None,
    provider: str | None = None,
    job_id: UUID | None = None,
    kind: str | None = None,
    outcome: str | None = None,
    errors: bool = False,
) -> list[LoggedCall]:
    """The newest first. `before`: the id with which the page before ended. `errors`: only what was no success."""
    given = {"before": before, "provider": provider, "job_id": job_id, "kind": kind, "outcome": outcome}
    values = {name: value for name, value in given.items() if value is not None}
    conditions = [f"{'id <' if name == 'before' else f'{name} ='} :{name}" for name in values]
    if errors:
        conditions.append("outcome <> 'success'")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    query = text(f"SELECT id, {COLUMNS} FROM provider_calls{where} ORDER BY id DESC LIMIT :limit")
    rows = await connection.execute(query, {**values, "limit": limit})
    return [LoggedCall(**row) for row in rows.mappings()]


def as_json(calls: Sequence[ProviderCall]) -> list[dict[str, Any]]:
    """The value of `:calls`."""
    return [_plain(call) for call in calls]


def _plain(call: ProviderCall) -> dict[str, Any]:
    plain = asdict(call)
    plain["started_at"] = call.started_at.isoformat()
    plain["job_id"] = str(call.job_id) if call.job_id else None
    return plain
