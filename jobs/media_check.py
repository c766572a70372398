"""Do the media store and its table agree? What one has and the other lacks is found, told, and put right."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog

from jobs.db.files import media_keys
from jobs.db.files.media_keys import KnownFile
from jobs.db.session import Database
from jobs.media import FOLDERS, MediaStore

log = structlog.get_logger()

# bytes are stored before the transaction that makes them known, and a database that is away delays that
UNCLAIMED = timedelta(hours=24)

Trouble = Literal["no bytes", "no row", "other size", "other bytes"]


@dataclass(frozen=True)
class Discrepancy:
    """`no bytes`: a row tells of a file that is not there. `no row`: nobody knows these bytes, nor will any more."""

    key: str
    trouble: Trouble


@dataclass
class Tally:
    """What was looked at so far."""

    files: int = 0
    rows: int = 0


async def discrepancies(
    database: Database, store: MediaStore, tally: Tally, *, deep: bool = False, unclaimed: timedelta = UNCLAIMED
) -> AsyncIterator[Discrepancy]:
    """Folder by folder, so that memory holds a part of them only. `deep` reads all bytes and compares their hashes.

    Raises TemporaryError while the store is down.
    """
    long_ago = datetime.now(UTC) - unclaimed
    for folder in FOLDERS:
        files = {file.key: file async for file in store.files(folder)}
        # read after the store: whatever was there is known by now, if anybody knows it
        known = {row.key: row async for row in media_keys.below(database, folder)}
        tally.files, tally.rows = tally.files + len(files), tally.rows + len(known)
        for key in sorted(files.keys() - known.keys()):
            if files[key].modified_at < long_ago:
                yield Discrepancy(key, "no row")
        for key in sorted(known):
            trouble = await _trouble(store, known[key], files[key].size if key in files else None, deep=deep)
            if trouble:
                yield Discrepancy(key, trouble)


async def repair(database: Database, store: MediaStore, found: Discrepancy) -> bool:
    """Let go of what is of no use: bytes without a row, and a row without bytes. False where a person must look."""
    if found.trouble == "no row":
        await store.delete([found.key])
    elif found.trouble == "no bytes":
        await media_keys.forget(database, found.key)
    return found.trouble in ("no row", "no bytes")


async def remove_unclaimed(database: Database, store: MediaStore) -> None:
    """Delete what was stored by runs that ended without a result."""
    removed = 0
    async for found in discrepancies(database, store, Tally()):
        if found.trouble == "no row":
            await repair(database, store, found)
            removed += 1
    if removed:
        log.info("removed stored files that nothing refers to", files=removed)


async def _trouble(store: MediaStore, row: KnownFile, size: int | None, *, deep: bool) -> Trouble | None:
    if size is None and not await store.has(row.key):
        return "no bytes"
    if size is not None and size != row.size:
        return "other size"
    if deep and hashlib.sha256(await store.get(row.key)).hexdigest() != row.sha256:
        return "other bytes"
    return None
