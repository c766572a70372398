"""What can be done to an analysis: stop it, try it again, delete it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.pages.rendering import page_router, seen
from api.pages.visits import Member, MemberVisit, form_of
from api.requests import comparison_removal
from api.requests.acceptance import Acceptance
from jobs.db.analyses import comparisons
from jobs.db.analyses.comparisons import Comparison
from jobs.errors import Conflict, NotFound

router = page_router("/analyses")


@router.post("/{comparison_id}/cancel")
async def cancel(visit: Member, comparison_id: UUID) -> Response:
    await form_of(visit)
    state = visit.request.app.state
    async with state.database.transaction() as connection:
        found = await _own(connection, visit, comparison_id)
        if found.job_id is not None:
            await state.intake.cancel(connection, found.job_id, visit.caller.owner)
    return seen(f"/analyses/{comparison_id}")


@router.post("/{comparison_id}/retry")
async def retry(visit: Member, comparison_id: UUID) -> Response:
    """Pressed twice, or in two tabs, it is begun once."""
    await form_of(visit)
    state = visit.request.app.state
    async with state.database.transaction() as connection:
        # nobody begins it anew with another job meanwhile
        await comparisons.lock(connection, comparison_id, visit.caller.owner)
        found = await _own(connection, visit, comparison_id)
        if found.job_id is None:
            raise Conflict("The job of this analysis is forgotten. Begin a new analysis.", code="not_retryable")
        if not found.is_open:
            await Acceptance(connection, visit.caller, state.intake, state.personas).require_room()
            await state.intake.retry(connection, found.job_id, visit.caller.owner)
    return seen(f"/analyses/{comparison_id}")


@router.post("/{comparison_id}/delete")
async def delete(visit: Member, comparison_id: UUID) -> Response:
    """Whatever still runs for it is stopped."""
    await form_of(visit)
    state = visit.request.app.state
    async with state.database.transaction() as connection:
        await comparison_removal.remove(connection, state.intake, visit.caller.owner, comparison_id)
    return seen("/analyses")


async def _own(connection: AsyncConnection, visit: MemberVisit, comparison_id: UUID) -> Comparison:
    found = await comparisons.get(connection, comparison_id, visit.caller.owner)
    if found is None:
        raise NotFound(f"There is no comparison {comparison_id}.")
    return found
