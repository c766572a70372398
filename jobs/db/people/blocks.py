"""What content rules have blocked: counted for each owner, and who is suspended because it was too often."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

Stage = Literal["submit", "prompt", "answer"]

KEPT_DAYS = 90


@dataclass(frozen=True)
class Block:
    """`counts`: the owner asked for it; what a model wrote by itself suspends nobody."""

    owner: str
    rule: str
    sha256: str
    stage: Stage
    counts: bool = True
    kind: str | None = None
    job_id: UUID | None = None


@dataclass(frozen=True)
class LoggedBlock(Block):
    id: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True)
class Limit:
    """Suspended after so many blocks within so many seconds; after 0 nobody is."""

    blocks: int
    window: float


@dataclass(frozen=True)
class Suspension:
    owner: str
    blocks: int
    created_at: datetime
    lifted_at: datetime | None


COLUMNS = "id, owner, rule, sha256, stage, counts, kind, job_id, created_at"
INSERT = text(
    "INSERT INTO content_blocks (owner, rule, sha256, stage, counts, kind, job_id)"
    " VALUES (:owner, :rule, :sha256, :stage, :counts, :kind, :job_id)"
).bindparams(bindparam("kind", type_=Text), bindparam("job_id", type_=Uuid))

# those that are noted at the same time wait for each other, so that one of them is the last one that was allowed
ALONE = text("SELECT pg_advisory_xact_lock(hashtext('content blocks'), hashtext(:owner))")
SUSPEND = text(
    "WITH counted AS (SELECT count(*) AS blocks FROM content_blocks AS b WHERE b.owner = :owner AND b.counts"
    "  AND b.created_at > now() - make_interval(secs => :window) AND b.created_at > coalesce("
    "   (SELECT lifted_at FROM suspensions WHERE owner = :owner), '-infinity')) "
    "INSERT INTO suspensions AS s (owner, blocks) SELECT :owner, blocks FROM counted WHERE blocks >= :most"
    " ON CONFLICT (owner) DO UPDATE SET blocks = excluded.blocks, created_at = now(), lifted_at = NULL"
    "  WHERE s.lifted_at IS NOT NULL RETURNING owner"
)
NEWEST = text(
    f"SELECT {COLUMNS} FROM content_blocks WHERE CAST(:owner AS text) IS NULL OR owner = CAST(:owner AS text)"
    " ORDER BY id DESC LIMIT :limit"
)
SUSPENDED = text(
    "SELECT owner, blocks, created_at, lifted_at FROM suspensions WHERE lifted_at IS NULL ORDER BY created_at"
)
LIFT = text(
    "UPDATE suspensions SET lifted_at = now() WHERE owner = :owner AND lifted_at IS NULL"
    " RETURNING owner, blocks, created_at, lifted_at"
)
# for statements that ask for somebody anyway
IS_SUSPENDED = "EXISTS (SELECT FROM suspensions WHERE suspensions.owner = {owner} AND lifted_at IS NULL)"
# for jobs/db/retention.py
FORGET = (
    "DELETE FROM content_blocks WHERE id IN (SELECT id FROM content_blocks"
    f" WHERE created_at < now() - interval '{KEPT_DAYS} days' LIMIT :chunk)"
)


def fingerprint(words: str) -> str:
    """What is kept of a text that was blocked: the same text gives the same."""
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()


async def note(connection: AsyncConnection, found: Sequence[Block], limit: Limit) -> bool:
    """Write them down, all of one owner. Whether they are suspended from this moment on; not if they were before."""
    if not found:
        return False
    await connection.execute(ALONE, {"owner": found[0].owner})
    await connection.execute(INSERT, [asdict(each) for each in found])
    if not limit.blocks or not any(each.counts for each in found):
        return False
    values = {"owner": found[0].owner, "window": float(limit.window), "most": limit.blocks}
    return (await connection.execute(SUSPEND, values)).first() is not None


async def newest(connection: AsyncConnection, limit: int, *, owner: str | None = None) -> list[LoggedBlock]:
    rows = await connection.execute(NEWEST, {"owner": owner, "limit": limit})
    return [LoggedBlock(**row) for row in rows.mappings()]


async def suspended(connection: AsyncConnection) -> list[Suspension]:
    """All who are, the longest first."""
    return [Suspension(**row) for row in (await connection.execute(SUSPENDED)).mappings()]


async def is_suspended(connection: AsyncConnection, owner: str) -> bool:
    query = text(f"SELECT {IS_SUSPENDED.format(owner=':owner')}")
    return bool((await connection.execute(query, {"owner": owner})).scalar())


async def lift(connection: AsyncConnection, owner: str) -> Suspension | None:
    """None where they were not suspended. What was blocked before counts no more."""
    row = (await connection.execute(LIFT, {"owner": owner})).mappings().first()
    return Suspension(**row) if row else None
