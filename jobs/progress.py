"""How far a job is: written beside the work, never in its way, and at most twice a second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job, Json
from jobs.webhooks.plan import announce, is_told

log = structlog.get_logger()

PAUSE_SECONDS = 0.5


class ProgressReport:
    """What was reported last wins; what came between two writes is not written."""

    def __init__(self) -> None:
        self.latest: tuple[Json, Json] | None = None
        self.due = asyncio.Event()

    def report(self, done: float, total: float, stage: str | None, /, **more: Any) -> None:
        self.latest = ({"done": done, "total": total, "stage": stage}, more)
        self.due.set()


@asynccontextmanager
async def reporting(database: Database, job: Job) -> AsyncIterator[ProgressReport]:
    report = ProgressReport()
    writing = asyncio.create_task(_write(database, job, report), name=f"progress of {job.id}")
    try:
        yield report
    finally:
        writing.cancel()
        await asyncio.wait([writing])


async def _write(database: Database, job: Job, report: ProgressReport) -> None:
    while True:
        await report.due.wait()
        report.due.clear()
        if report.latest is None:
            continue
        progress, more = report.latest
        with contextlib.suppress(*DATABASE_ERRORS):
            async with database.transaction() if is_told(job) else database.statement() as connection:
                now = await job_rows.set_progress(connection, job, progress, more)
                if now:
                    await announce(connection, now, "job.progress")
        await asyncio.sleep(PAUSE_SECONDS)
