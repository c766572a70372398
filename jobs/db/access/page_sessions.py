"""Who is logged in to the pages: a row for each login, which ends with a logout, with its time, or with its key.

The cookie holds a token, the row its hash.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.access.api_keys import COUNTED, INTERVAL, IS_GOOD, PRESENTED, WITHOUT_DISK, PresentedKey


@dataclass(frozen=True)
class SessionKey(PresentedKey):
    """The key that somebody logged in with, counted as if it had been presented."""

    name: str


BEGIN = text("INSERT INTO page_sessions (token_hash, key_id, ends_at) VALUES (:hash, :key_id, :ends_at)").bindparams(
    bindparam("ends_at", type_=TIMESTAMP(timezone=True))
)
PRESENT = text(
    "WITH seen AS (UPDATE page_sessions SET used_at = now() WHERE token_hash = :hash"
    "  AND used_at < now() - interval '1 minute'),"
    " key AS MATERIALIZED (SELECT api_keys.id, owner, name, scopes, requests_per_minute, open_jobs, true AS matches,"
    f"  {INTERVAL} FROM page_sessions JOIN api_keys ON api_keys.id = key_id"
    f"  WHERE token_hash = :hash AND ends_at > now() AND {IS_GOOD} AND {WITHOUT_DISK}),{COUNTED}"
)
IS_OPEN = text("SELECT EXISTS (SELECT FROM page_sessions WHERE token_hash = :hash AND ends_at > now())")
END = text("DELETE FROM page_sessions WHERE token_hash = :hash")
END_ALL = text("DELETE FROM page_sessions WHERE key_id = (SELECT key_id FROM page_sessions WHERE token_hash = :hash)")
# what nobody can look with any more
FORGET = (
    "DELETE FROM page_sessions WHERE token_hash IN (SELECT token_hash FROM page_sessions"
    " JOIN api_keys ON api_keys.id = key_id WHERE ends_at < now() OR revoked_at < now() OR expires_at < now()"
    " LIMIT :chunk)"
)


async def begin(connection: AsyncConnection, token: str, key_id: UUID, ends_at: datetime) -> None:
    await connection.execute(BEGIN, {"hash": _hash(token), "key_id": key_id, "ends_at": ends_at})


async def present(connection: AsyncConnection, token: str) -> SessionKey | None:
    """Look a session up and count the request for its key, in one statement. None where somebody is logged out."""
    row = (await connection.execute(PRESENT, {"hash": _hash(token)})).mappings().first()
    return SessionKey(**{name: row[name] for name in (*PRESENTED, "name")}) if row else None


async def is_open(connection: AsyncConnection, token: str) -> bool:
    """Whatever became of its key."""
    return bool((await connection.execute(IS_OPEN, {"hash": _hash(token)})).scalar_one())


async def end(connection: AsyncConnection, token: str) -> None:
    """From now on nobody is logged in with it, whoever has a copy of the cookie."""
    await connection.execute(END, {"hash": _hash(token)})


async def end_all(connection: AsyncConnection, token: str) -> None:
    """This one and all others that were begun with the same key."""
    await connection.execute(END_ALL, {"hash": _hash(token)})


def _hash(token: str) -> bytes:
    # of 144 random bits: nobody can try them all
    return hashlib.sha256(token.encode()).digest()
