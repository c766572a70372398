"""Keys of the REST API: kept as a hash, found by their prefix, counted against their limit as they are presented."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.people.blocks import IS_SUSPENDED
from jobs.errors import InvalidInput
from jobs.owners import is_of_chat
from jobs.storable import is_storable

SCOPES = ("jobs", "admin")
DEFAULT_REQUESTS_PER_MINUTE = 600
MOST_REQUESTS_PER_MINUTE = 1_000_000
LONGEST_OWNER = 200
LONGEST_NAME = 200
MOST_OPEN_JOBS = 1_000_000


@dataclass(frozen=True)
class ApiKey:
    """What may be shown of a key after its creation."""

    id: UUID
    owner: str
    name: str
    prefix: str
    scopes: list[str]
    requests_per_minute: int
    open_jobs: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True)
class PresentedKey:
    """A key that is valid, and what its limit says. `backlog`: seconds until its full minute is free again."""

    id: UUID
    owner: str
    scopes: list[str]
    requests_per_minute: int
    open_jobs: int | None
    allowed: bool
    backlog: float
    # by content rules: nothing is accepted from its owner
    suspended: bool


COLUMNS = (
    "id, owner, name, prefix, scopes, requests_per_minute, open_jobs, created_at, expires_at, revoked_at, last_used_at"
)

INSERT = text(
    "INSERT INTO api_keys (owner, name, prefix, hash, scopes, requests_per_minute, open_jobs, expires_at)"
    " VALUES (:owner, :name, :prefix, :hash, :scopes, :requests_per_minute, :open_jobs, :expires_at)"
    f" RETURNING {COLUMNS}"
).bindparams(bindparam("expires_at", type_=TIMESTAMP(timezone=True)))

LIST = text(
    f"SELECT {COLUMNS} FROM api_keys"
    " WHERE CAST(:after AS timestamptz) IS NULL"
    "  OR (created_at, id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid))"
    " ORDER BY created_at DESC, id DESC LIMIT :limit"
)

REVOKE = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE {which} RETURNING " + COLUMNS
REVOKE_ID = text(REVOKE.format(which="id = :id"))
REVOKE_PREFIX = text(REVOKE.format(which="prefix = :prefix"))

# The generic cell rate algorithm: each request moves `arrival` by one emission interval, and is refused when that
# would lie more than a minute ahead. So a whole minute's requests may come at once, and then one per interval.
# No request waits for the disk: a crash of the server may forget the last ones.
# continues a statement that begins with `key`: the one to be counted, if it matches
COUNTED = (
    " counted AS (INSERT INTO rate_limits AS known (key_id, arrival) SELECT id, now() + interval FROM key WHERE matches"
    "  ON CONFLICT (key_id) DO UPDATE SET"
    "   arrival = greatest(known.arrival, now()) + (SELECT interval FROM key)"
    "  WHERE greatest(known.arrival, now()) + (SELECT interval FROM key) <= now() + interval '1 minute'"
    "  RETURNING key_id, arrival),"
    " used AS (UPDATE api_keys SET last_used_at = now() FROM key WHERE api_keys.id = key.id AND matches"
    "  AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')) "
    "SELECT key.*, counted.arrival IS NOT NULL AS allowed,"
    " greatest(coalesce(extract(epoch FROM coalesce(counted.arrival, before.arrival) - now()), 0), 0)::float8"
    f"  AS backlog, {IS_SUSPENDED.format(owner='key.owner')} AS suspended"
    " FROM key LEFT JOIN counted ON counted.key_id = key.id LEFT JOIN rate_limits AS before ON before.key_id = key.id"
)
INTERVAL = "make_interval(secs => floor(60000000.0 / requests_per_minute) / 1000000.0) AS interval"
IS_GOOD = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
WITHOUT_DISK = "set_config('synchronous_commit', 'off', true) IS NOT NULL"
PRESENT = text(
    "WITH key AS MATERIALIZED (SELECT id, owner, scopes, requests_per_minute, open_jobs, hash, hash = :hash AS matches,"
    f"  {INTERVAL} FROM api_keys WHERE prefix = :prefix AND {IS_GOOD} AND {WITHOUT_DISK}),{COUNTED}"
)
PRESENTED = ("id", "owner", "scopes", "requests_per_minute", "open_jobs", "allowed", "backlog", "suspended")


def new_key() -> tuple[str, str, bytes]:
    """A key, its prefix and its hash. 192 random bits need no slow hash: nobody can try them all."""
    prefix, secret = secrets.token_hex(6), secrets.token_hex(24)
    return f"pg_{prefix}_{secret}", prefix, _hash(secret)


def checked_owner(owner: str | None) -> str:
    """A new account where none is named. Raises InvalidInput: what belongs to a chat's person no key may reach."""
    if owner is None:
        return f"account:{secrets.token_hex(8)}"
    problem = None
    if not 0 < len(owner) <= LONGEST_OWNER or not is_storable(owner) or owner != owner.strip():
        problem = f"An owner is 1 to {LONGEST_OWNER} characters long and neither begins nor ends with a space."
    elif is_of_chat(owner.lower()):
        problem = "Owners that begin with telegram: are people in chats. No key is made for them."
    if problem:
        raise InvalidInput(problem, errors=[{"pointer": "/owner", "detail": problem}], code="invalid_request")
    return owner


async def insert(
    connection: AsyncConnection,
    *,
    owner: str,
    name: str = "",
    scopes: Sequence[str] = ("jobs",),
    requests_per_minute: int = DEFAULT_REQUESTS_PER_MINUTE,
    open_jobs: int | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, ApiKey]:
    """The key itself, which cannot be found out again later, and what is stored of it."""
    key, prefix, digest = new_key()
    values = {
        "owner": owner,
        "name": name,
        "prefix": prefix,
        "hash": digest,
        "scopes": list(scopes),
        "requests_per_minute": requests_per_minute,
        "open_jobs": open_jobs,
        "expires_at": expires_at,
    }
    return key, ApiKey(**(await connection.execute(INSERT, values)).mappings().one())


async def newest(
    connection: AsyncConnection, limit: int, *, after: tuple[datetime, UUID] | None = None
) -> list[ApiKey]:
    """The newest first; `after` is the last one of the page before."""
    moment, key_id = after or (None, None)
    rows = await connection.execute(LIST, {"limit": limit, "after": moment, "after_id": key_id})
    return [ApiKey(**row) for row in rows.mappings()]


async def revoke(connection: AsyncConnection, key_id: UUID) -> ApiKey | None:
    """None when there is no such key; one that is revoked already stays as it is."""
    row = (await connection.execute(REVOKE_ID, {"id": key_id})).mappings().first()
    return ApiKey(**row) if row else None


async def revoke_by_prefix(connection: AsyncConnection, prefix: str) -> ApiKey | None:
    """As `revoke`."""
    row = (await connection.execute(REVOKE_PREFIX, {"prefix": prefix})).mappings().first()
    return ApiKey(**row) if row else None


async def present(connection: AsyncConnection, key: str) -> PresentedKey | None:
    """Look a key up and count the request, in one statement. None for a key that is not valid (any more)."""
    scheme, _, rest = key.partition("_")
    prefix, _, secret = rest.partition("_")
    if scheme != "pg" or not (prefix.isascii() and prefix.isalnum() and secret):
        return None
    digest = _hash(secret)
    row = (await connection.execute(PRESENT, {"prefix": prefix, "hash": digest})).mappings().first()
    if row is None or not hmac.compare_digest(row["hash"], digest):
        return None
    return PresentedKey(**{name: row[name] for name in PRESENTED})


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
