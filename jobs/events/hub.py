"""Who waits for news of which job or owner? They are woken, however many there are, by one LISTEN connection.

A wake-up carries nothing: whoever is woken reads the rows. So nobody's slowness holds up anybody else, and what was
notified while the connection was lost is found by waking everybody once it is back.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from uuid import UUID

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.events.listener import Listener, Patience
from jobs.settings import DatabaseSettings

OPEN = ("pending", "processing")
# the trigger cuts longer ones: a notification has little room
LONGEST_OWNER = 1000
# how soon a read that the database refused is tried again
RETRY_SECONDS = 0.5


class Bell:
    """Rung when there may be news. Many rings before one look are one."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """False when it stayed silent for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class EventHub:
    """One a process. It begins to listen with the first who waits, or with `start()`."""

    def __init__(self, settings: DatabaseSettings, patience: Patience | None = None) -> None:
        self.draining = False
        self._bells: dict[str, set[Bell]] = {}
        self._listener = Listener(settings.listen_url, heard=self._heard, missed=self._ring_all, patience=patience)
        self._task: asyncio.Task[None] | None = None

    @property
    def listening(self) -> bool:
        """Are notifications heard at this moment?"""
        return self._listener.listening

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._listener.run())

    async def aclose(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def drain(self) -> None:
        """The process is about to stop: everybody who waits is woken, looks at `draining`, and takes leave."""
        self.draining = True
        self._ring_all()

    @contextlib.contextmanager
    def job(self, job_id: UUID) -> Iterator[Bell]:
        with self._bell(f"job {job_id}") as bell:
            yield bell

    @contextlib.contextmanager
    def owner(self, owner: str) -> Iterator[Bell]:
        with self._bell(f"owner {owner[:LONGEST_OWNER]}") as bell:
            yield bell

    async def wait_for_end(self, database: Database, job_id: UUID, seconds: float) -> Job | None:
        """The job once it has ended; as it is after `seconds`, or when the process stops. None: it cannot be read."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        with self.job(job_id) as bell:
            while True:
                found, pause = await _look(database, job_id)
                left = deadline - loop.time()
                if left <= 0 or self.draining or (pause is None and (found is None or found.status not in OPEN)):
                    return found
                await bell.wait(left if pause is None else min(left, pause))

    @contextlib.contextmanager
    def _bell(self, key: str) -> Iterator[Bell]:
        self.start()
        bell = Bell()
        bells = self._bells.setdefault(key, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells:
                self._bells.pop(key, None)

    def _heard(self, payload: str) -> None:
        job_id, _, owner = payload.partition(" ")
        for key in (f"job {job_id}", f"owner {owner}"):
            for bell in self._bells.get(key, ()):
                bell.ring()

    def _ring_all(self) -> None:
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()


async def _look(database: Database, job_id: UUID) -> tuple[Job | None, float | None]:
    """The job, and after how long to look again although nobody rang, when the database did not answer."""
    try:
        async with database.statement() as connection:
            return await job_rows.get(connection, job_id), None
    except DATABASE_ERRORS:
        return None, RETRY_SECONDS
