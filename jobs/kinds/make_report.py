"""Reports of a comparison: a step of its analysis, or later in a format that was not asked for then. An inner kind."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion import picture_progress
from jobs.db.work.jobs import Job
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.reports.formats import ReportFormat
from jobs.reports.making import Made, MadeReport, make_reports

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "documents"
CHAT_ACTION = "upload_document"
ATTEMPTS = OTHER


class Input(KindInput):
    comparison_id: UUID
    formats: list[ReportFormat] = Field(min_length=1, max_length=4)


class Result(BaseModel):
    comparison_id: UUID
    reports: dict[str, MadeReport]


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    asked = run.input
    made = await make_reports(run.database, resources.media, asked.comparison_id, asked.formats, job_id=run.job.id)
    result = Result(comparison_id=asked.comparison_id, reports=made.reports)
    return Outcome(result, messages=made.messages, save=partial(_save, run.job, made))


async def _save(job: Job, made: Made, connection: AsyncConnection) -> list[NewJob]:
    await picture_progress.clear(connection, job)
    await made.save(connection)
    return []
