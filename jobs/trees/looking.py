"""Was that the last step? Looked at by whoever ended it, after its commit, and by the clock for those who died then.

Two steps that end at the same moment look both, and the later one sees both ends. Nothing is counted, so no row is
written for each step, and nobody waits for anybody.
"""

from typing import TYPE_CHECKING

import structlog

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.work import trees as rows
from jobs.db.work.jobs import Job

if TYPE_CHECKING:
    from jobs.resources import Resources

log = structlog.get_logger()

TREES_AT_A_TIME = 100


async def look_after(resources: "Resources", job: Job) -> None:
    """After the end of a run whose job may be a step. Never fails: what is missed here, `sweep` finds."""
    if job.root_id is None:
        return
    try:
        async with resources.database.statement() as connection:
            due = await rows.is_due(connection, job.root_id, of_critical=job.id if job.critical else None)
        if due:
            async with resources.database.transaction() as connection:
                await resources.intake.trees.settle(connection, job.root_id)
        elif resources.tree_progress:
            resources.tree_progress.note(job.root_id)
    except DATABASE_ERRORS:
        log.warning("could not look after a tree; the sweep will", root_id=str(job.root_id))


async def sweep(resources: "Resources") -> None:
    """Trees whose last step was ended by a worker that died then; deadlines of roots; branches still to be closed."""
    async with resources.database.statement() as connection:
        due = await rows.due(connection, TREES_AT_A_TIME)
    for root_id in due:
        async with resources.database.transaction() as connection:
            await resources.intake.trees.settle(connection, root_id)
