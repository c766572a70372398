"""How far a root's steps are, told while they run: counted now and then, about once a second however many end."""

import asyncio
from uuid import UUID

import structlog

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.session import Database
from jobs.db.work import trees as rows
from jobs.trees import counts
from jobs.webhooks.plan import announce

log = structlog.get_logger()

PAUSE_SECONDS = 1.0


class TreeProgress:
    """One in each worker. Of several workers one tells, and what it leaves out the next look tells."""

    def __init__(self, database: Database, pause: float = PAUSE_SECONDS) -> None:
        self.database = database
        self.pause = pause
        self._changed: set[UUID] = set()
        self._news = asyncio.Event()

    def note(self, root_id: UUID) -> None:
        """One of its steps has ended."""
        self._changed.add(root_id)
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            noted, self._changed = self._changed, set()
            for root_id in noted:
                try:
                    await self.tell(root_id)
                except DATABASE_ERRORS:
                    self.note(root_id)
            await asyncio.sleep(self.pause)

    async def tell(self, root_id: UUID) -> None:
        async with self.database.transaction() as connection:
            if not await rows.turn_to_tell(connection, root_id, self.pause * 0.9):
                if await rows.waits(connection, root_id):
                    self.note(root_id)  # another worker has told just now, perhaps without this step
                return
            progress = counts.progress(await rows.counts(connection, root_id))
            if root := await rows.set_progress(connection, root_id, progress):
                await announce(connection, root, "job.progress")
