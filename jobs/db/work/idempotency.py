"""The answer to a request that came with an Idempotency-Key, kept so that repeating it makes nothing twice."""

from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json

KEPT_HOURS = 24


@dataclass(frozen=True)
class Record:
    """`fingerprint`: of the request that was answered so."""

    fingerprint: bytes
    status_code: int
    headers: dict[str, str]
    body: Json


LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, hashtextextended(:owner, 0)))")
FIND = text(
    "SELECT fingerprint, status_code, headers, body FROM idempotency_records"
    f" WHERE owner = :owner AND key = :key AND created_at > now() - interval '{KEPT_HOURS} hours'"
)
STORE = text(
    "INSERT INTO idempotency_records (owner, key, fingerprint, status_code, headers, body)"
    " VALUES (:owner, :key, :fingerprint, :status_code, :headers, :body)"
    # what is there already is older than it may be, or FIND had found it
    " ON CONFLICT (owner, key) DO UPDATE SET fingerprint = excluded.fingerprint, status_code = excluded.status_code,"
    " headers = excluded.headers, body = excluded.body, created_at = now()"
).bindparams(bindparam("headers", type_=JSONB), bindparam("body", type_=JSONB))


async def lock(connection: AsyncConnection, owner: str, key: str) -> bool:
    """Until the transaction ends, this request alone has the key; False when another one has it."""
    return bool((await connection.execute(LOCK, {"owner": owner, "key": key})).scalar_one())


async def find(connection: AsyncConnection, owner: str, key: str) -> Record | None:
    """Ask after `lock`: what another request stored under it is seen only by a statement that begins later."""
    row = (await connection.execute(FIND, {"owner": owner, "key": key})).mappings().first()
    return Record(**row) if row else None


async def store(connection: AsyncConnection, owner: str, key: str, record: Record) -> None:
    values = {
        "owner": owner,
        "key": key,
        "fingerprint": record.fingerprint,
        "status_code": record.status_code,
        "headers": record.headers,
        "body": record.body,
    }
    await connection.execute(STORE, values)
