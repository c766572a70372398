"""Which bytes of the media store are known, folder by folder."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import text

from jobs.db.session import Database

CHUNK = 5000

# what has expired may have lost its bytes already: they go before their row
BELOW = text(
    "SELECT key, size, sha256 FROM media WHERE key >= :after AND key < :end AND key <> :after"
    " AND (expires_at IS NULL OR expires_at > now()) ORDER BY key LIMIT :chunk"
)


@dataclass(frozen=True)
class KnownFile:
    key: str
    size: int
    sha256: str


async def below(database: Database, folder: str) -> AsyncIterator[KnownFile]:
    """All that are kept in this folder of the store."""
    after, end = f"{folder}/", f"{folder}0"  # "0" is what follows "/"
    while True:
        async with database.transaction() as connection:
            rows = (await connection.execute(BELOW, {"after": after, "end": end, "chunk": CHUNK})).mappings().all()
        for row in rows:
            yield KnownFile(**row)
        if len(rows) < CHUNK:
            return
        after = rows[-1]["key"]


async def forget(database: Database, key: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM media WHERE key = :key"), {"key": key})
