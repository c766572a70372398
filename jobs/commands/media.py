"""`postgen media check`: does every row have its bytes, and do all bytes have a row?"""

from jobs.commands.database import opened_database
from jobs.media import MediaStore
from jobs.media_check import Tally, discrepancies, repair
from jobs.settings import MediaSettings, load

WORDS = {
    "no bytes": "a row without bytes: whoever asks for this file is told that it is gone",
    "no row": "bytes that nothing refers to any more",
    "other size": "not as long as it was when it was stored",
    "other bytes": "not what was stored: its hash is another one",
}


async def check(*, mend: bool, deep: bool) -> bool:
    """Print what does not agree; False if anything is left that does not. `mend` deletes what is of no use."""
    store, tally, found, mended = MediaStore(load(MediaSettings)), Tally(), 0, 0
    async with opened_database() as database:
        async for each in discrepancies(database, store, tally, deep=deep):
            done = mend and await repair(database, store, each)
            found, mended = found + 1, mended + done
            print(f"{each.key}: {WORDS[each.trouble]}{' - removed' if done else ''}")
    print(f"{tally.files} files, {tally.rows} rows: {_verdict(found, mended, mend=mend)}")
    return found == mended


def _verdict(found: int, mended: int, *, mend: bool) -> str:
    if not found:
        return "they agree."
    if found == mended:
        return f"{mended} removed; the rest agrees."
    if not mend:
        return f"{found} do not agree. --repair removes bytes without a row and rows without bytes."
    removed = f"{mended} removed. " if mended else ""
    return f"{removed}{found - mended} do not agree. Restore them from a backup."
