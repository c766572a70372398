"""The log of webhooks as their owner reads it: each delivery, each attempt, and what the receiver answered."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Json = dict[str, Any]


@dataclass(frozen=True)
class LoggedDelivery:
    """`url`: where it was to go when it was planned. `size` of the body in bytes."""

    id: int
    endpoint_id: UUID | None
    url: str
    webhook_id: str
    event_type: str
    event_seq: int | None
    job_id: UUID | None
    status: str
    attempt: int
    error: Json | None
    replay: bool
    size: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class LoggedAttempt:
    """`outcome`: sent, not_sent or unknown. `answer`: the first 4 kB of what the receiver said."""

    number: int
    outcome: str
    error: Json | None
    status_code: int | None
    answer: str | None
    latency_ms: int | None
    started_at: datetime | None
    finished_at: datetime


ROW = (
    "id, endpoint_id, destination AS url, webhook_id, event_type, event_seq, job_id, status, attempt, error,"
    " coalesce((payload->>'replay')::boolean, false) AS replay, octet_length(body) AS size,"
    # a short wait is one of its ticket, a long one stands in the row
    " CASE WHEN status = 'pending' THEN coalesce(next_attempt_at, (error->>'retry_at')::timestamptz) END"
    "  AS next_attempt_at, created_at, finished_at"
)
OF_OWNER = "FROM deliveries WHERE channel = 'webhook' AND owner = :owner"

PAGE = text(
    f"SELECT {ROW} {OF_OWNER} AND id < :before AND (CAST(:endpoint_id AS uuid) IS NULL OR endpoint_id = :endpoint_id)"
    " AND (CAST(:job_id AS uuid) IS NULL OR job_id = :job_id)"
    " AND (CAST(:statuses AS text[]) IS NULL OR status = ANY(:statuses)) ORDER BY id DESC LIMIT :limit"
)
ONE = text(f"SELECT {ROW} {OF_OWNER} AND id = :id")
BODY = text(f"SELECT body {OF_OWNER} AND id = :id")
ATTEMPTS = text(
    f"SELECT {', '.join(field.name for field in fields(LoggedAttempt))} FROM delivery_attempts"
    " WHERE delivery_id = :id ORDER BY number DESC LIMIT :limit"
)
BY_WEBHOOK_ID = text(f"SELECT id, endpoint_id, body {OF_OWNER} AND webhook_id = :webhook_id ORDER BY id DESC LIMIT 20")

NEWEST = 2**63 - 1


async def page(
    connection: AsyncConnection,
    owner: str,
    limit: int,
    *,
    before: int | None = None,
    endpoint_id: UUID | None = None,
    job_id: UUID | None = None,
    statuses: Sequence[str] = (),
) -> list[LoggedDelivery]:
    """The newest first, older than number `before`."""
    values = {
        "owner": owner, "limit": limit, "before": NEWEST if before is None else before, "endpoint_id": endpoint_id,
        "job_id": job_id, "statuses": list(statuses) or None,
    }  # fmt: skip
    return [LoggedDelivery(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def one(connection: AsyncConnection, owner: str, delivery_id: int) -> LoggedDelivery | None:
    row = (await connection.execute(ONE, {"owner": owner, "id": delivery_id})).mappings().first()
    return LoggedDelivery(**row) if row else None


async def body(connection: AsyncConnection, owner: str, delivery_id: int) -> bytes:
    return bytes((await connection.execute(BODY, {"owner": owner, "id": delivery_id})).scalar_one())


async def attempts(connection: AsyncConnection, delivery_id: int, limit: int = 100) -> list[LoggedAttempt]:
    """The newest first."""
    rows = await connection.execute(ATTEMPTS, {"id": delivery_id, "limit": limit})
    return [LoggedAttempt(**row) for row in rows.mappings()]


async def by_webhook_id(connection: AsyncConnection, owner: str, webhook_id: str) -> list[tuple[UUID | None, bytes]]:
    """The endpoints to which this message went, and the bytes that each of them got."""
    rows = await connection.execute(BY_WEBHOOK_ID, {"owner": owner, "webhook_id": webhook_id})
    return [(row.endpoint_id, bytes(row.body)) for row in rows]
