"""The rolling summary of a dialog: at most one job writes it, and it only ever moves forward."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# after one that failed, the next is begun no sooner
PAUSE = "10 minutes"

BEGIN = text(
    "UPDATE dialogs SET summary_job_id = :job_id WHERE id = :dialog_id AND NOT EXISTS ("
    " SELECT FROM jobs WHERE jobs.id = dialogs.summary_job_id AND (status IN ('pending', 'processing')"
    f"  OR (status <> 'completed' AND finished_at > now() - interval '{PAUSE}'))) RETURNING id"
)

FOLD = text(
    "UPDATE dialogs SET summary = :summary, summarised_until = :until"
    " WHERE id = :dialog_id AND summarised_until = :before RETURNING id"
)


async def begin(connection: AsyncConnection, dialog_id: int, job_id: UUID) -> bool:
    """Whether this job may write it. Hold the dialog's row (`dialogs.lock`): two that ask are asked in turn."""
    return (await connection.execute(BEGIN, {"dialog_id": dialog_id, "job_id": job_id})).first() is not None


async def fold(connection: AsyncConnection, dialog_id: int, summary: str, *, before: int, until: int) -> bool:
    """The summary tells now of everything up to the place `until`. False if it was moved on from `before` already."""
    values = {"dialog_id": dialog_id, "summary": summary, "before": before, "until": until}
    return (await connection.execute(FOLD, values)).first() is not None
