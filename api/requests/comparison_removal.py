"""How a comparison is deleted, from /v1/comparisons and from its page: whatever still runs for it is stopped."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.analyses import comparisons
from jobs.db.analyses.comparisons import Comparison
from jobs.errors import NotFound
from jobs.submit import Intake


async def remove(connection: AsyncConnection, intake: Intake, owner: str, comparison_id: UUID) -> None:
    """Raises NotFound."""
    found = await _own(connection, owner, comparison_id)
    # its job before itself, as the workers hold them: the other way round one would wait for the other
    await _stop(connection, intake, found)
    await comparisons.lock(connection, comparison_id, owner)
    now = await _own(connection, owner, comparison_id)
    if now.job_id != found.job_id:
        await _stop(connection, intake, now)  # begun anew at this moment
    await comparisons.delete(connection, comparison_id)


async def _stop(connection: AsyncConnection, intake: Intake, found: Comparison) -> None:
    if found.job_id is not None and found.is_open:
        await intake.cancel(connection, found.job_id, found.owner)


async def _own(connection: AsyncConnection, owner: str, comparison_id: UUID) -> Comparison:
    found = await comparisons.get(connection, comparison_id, owner)
    if found is None:
        raise NotFound(f"There is no comparison {comparison_id}.")
    return found
