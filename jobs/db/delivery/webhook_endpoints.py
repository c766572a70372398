"""Where webhooks go: registered by their owner, or made by a job's own `webhook_url` (implicit)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

Json = dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """`secrets`: newest first, each {"secret", "expires_at"}. `failures` are those since the last success."""

    id: UUID
    owner: str
    url: str
    description: str
    implicit: bool
    events: list[str]
    payload: str
    secrets: list[Json]
    disabled_reason: str | None
    disabled_at: datetime | None
    failures: int
    failing_since: datetime | None
    created_at: datetime

    def secrets_at(self, now: datetime) -> list[str]:
        """Those that sign now: after a rotation the one before it, too, for a while."""
        ends = [(each["secret"], each.get("expires_at")) for each in self.secrets]
        return [secret for secret, end in ends if end is None or datetime.fromisoformat(end) > now]


@dataclass(frozen=True)
class Wanting:
    """An endpoint that gets an event of a job. `prev_seq`: the number of the last event of this job that it got."""

    id: UUID
    url: str
    payload: str
    disabled: bool
    prev_seq: int | None


COLUMNS = ", ".join(field.name for field in fields(Endpoint))

INSERT = text(
    "INSERT INTO webhook_endpoints (owner, url, description, events, payload, secrets)"
    f" VALUES (:owner, :url, :description, :events, :payload, :secrets) RETURNING {COLUMNS}"
).bindparams(bindparam("secrets", type_=JSONB))

# the update changes nothing: it only makes the row that is there come back
IMPLICIT = text(
    "INSERT INTO webhook_endpoints (owner, url, implicit, events, secrets) VALUES (:owner, :url, true, '{}', :secrets)"
    " ON CONFLICT (owner, url) WHERE implicit DO UPDATE SET url = excluded.url RETURNING id"
).bindparams(bindparam("secrets", type_=JSONB))

GET = text(f"SELECT {COLUMNS} FROM webhook_endpoints WHERE id = :id")
LOCK = text(f"SELECT {COLUMNS} FROM webhook_endpoints WHERE id = :id AND owner = :owner FOR NO KEY UPDATE")

PAGE = text(
    f"SELECT {COLUMNS} FROM webhook_endpoints WHERE owner = :owner AND (:implicit OR NOT implicit)"
    " AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT :limit"
)

UPDATE = text(
    "UPDATE webhook_endpoints SET url = :url, description = :description, events = :events, payload = :payload"
    f" WHERE id = :id RETURNING {COLUMNS}"
)
SET_SECRETS = text(f"UPDATE webhook_endpoints SET secrets = :secrets WHERE id = :id RETURNING {COLUMNS}").bindparams(
    bindparam("secrets", type_=JSONB)
)

DISABLE = text(
    "UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = :reason"
    f" WHERE id = :id AND disabled_at IS NULL RETURNING {COLUMNS}"
)
ENABLE = text(
    "UPDATE webhook_endpoints SET disabled_at = NULL, disabled_reason = NULL, failures = 0, failing_since = NULL"
    f" WHERE id = :id AND disabled_at IS NOT NULL RETURNING {COLUMNS}"
)
FAILED = text(
    "UPDATE webhook_endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, now())"
    f" WHERE id = :id RETURNING {COLUMNS}"
)
SUCCEEDED = text("UPDATE webhook_endpoints SET failures = 0, failing_since = NULL WHERE id = :id AND failures > 0")

# the lock: it is not deleted, disabled or enabled between this look at it and the deliveries that follow from it
WANTING = text(
    "SELECT id, url, payload, disabled_at IS NOT NULL AS disabled,"
    " (SELECT max(event_seq) FROM deliveries WHERE job_id = :job_id AND endpoint_id = endpoint.id) AS prev_seq"
    " FROM webhook_endpoints endpoint WHERE owner = :owner AND ((NOT implicit AND events && :names) OR id = :own)"
    " ORDER BY id FOR SHARE OF endpoint"
)
OTHERS = text(
    "SELECT id FROM webhook_endpoints endpoint WHERE owner = :owner AND id <> :id AND NOT implicit"
    " AND disabled_at IS NULL AND events && :names ORDER BY id FOR KEY SHARE OF endpoint"
)


async def insert(connection: AsyncConnection, **values: Any) -> Endpoint:
    """`values`: the columns named in INSERT."""
    return Endpoint(**(await connection.execute(INSERT, values)).mappings().one())


async def implicit(connection: AsyncConnection, owner: str, url: str, secrets: list[Json]) -> UUID:
    """The endpoint of a job's own URL; `secrets` are used when there was none."""
    found: UUID = (await connection.execute(IMPLICIT, {"owner": owner, "url": url, "secrets": secrets})).scalar_one()
    return found


async def get(connection: AsyncConnection, endpoint_id: UUID) -> Endpoint | None:
    return _one(await connection.execute(GET, {"id": endpoint_id}))


async def lock(connection: AsyncConnection, endpoint_id: UUID, owner: str) -> Endpoint | None:
    """None when it is not this owner's. Nobody else changes it before this transaction ends."""
    return _one(await connection.execute(LOCK, {"id": endpoint_id, "owner": owner}))


async def page(
    connection: AsyncConnection, owner: str, *, after: UUID | None, limit: int, with_implicit: bool
) -> list[Endpoint]:
    values = {"owner": owner, "after": after, "limit": limit, "implicit": with_implicit}
    return [Endpoint(**row) for row in (await connection.execute(PAGE, values)).mappings()]


async def update(connection: AsyncConnection, endpoint_id: UUID, **values: Any) -> Endpoint:
    """`values`: the columns named in UPDATE."""
    return Endpoint(**(await connection.execute(UPDATE, {"id": endpoint_id, **values})).mappings().one())


async def set_secrets(connection: AsyncConnection, endpoint_id: UUID, secrets: list[Json]) -> Endpoint:
    return Endpoint(**(await connection.execute(SET_SECRETS, {"id": endpoint_id, "secrets": secrets})).mappings().one())


async def disable(connection: AsyncConnection, endpoint_id: UUID, reason: str) -> Endpoint | None:
    """None when it was disabled before."""
    return _one(await connection.execute(DISABLE, {"id": endpoint_id, "reason": reason}))


async def enable(connection: AsyncConnection, endpoint_id: UUID) -> Endpoint | None:
    """None when it was enabled before."""
    return _one(await connection.execute(ENABLE, {"id": endpoint_id}))


async def remove(connection: AsyncConnection, endpoint_id: UUID) -> None:
    await connection.execute(text("DELETE FROM webhook_endpoints WHERE id = :id"), {"id": endpoint_id})


async def note_failure(connection: AsyncConnection, endpoint_id: UUID) -> Endpoint | None:
    """As it is with this failure; None when it was deleted meanwhile."""
    return _one(await connection.execute(FAILED, {"id": endpoint_id}))


async def note_success(connection: AsyncConnection, endpoint_id: UUID) -> None:
    await connection.execute(SUCCEEDED, {"id": endpoint_id})


async def wanting(
    connection: AsyncConnection, owner: str, job_id: UUID, names: Sequence[str], own: UUID | None
) -> list[Wanting]:
    """The owner's endpoints whose filter holds one of `names`, and `own`, the job's own one."""
    values = {"owner": owner, "job_id": job_id, "names": list(names), "own": own}
    return [Wanting(**row) for row in (await connection.execute(WANTING, values)).mappings()]


async def others(connection: AsyncConnection, endpoint: Endpoint, names: Sequence[str]) -> list[UUID]:
    """The owner's other endpoints that want to hear of this one."""
    values = {"owner": endpoint.owner, "id": endpoint.id, "names": list(names)}
    return list((await connection.execute(OTHERS, values)).scalars())


def _one(result: Any) -> Endpoint | None:
    row = result.mappings().first()
    return Endpoint(**row) if row else None
