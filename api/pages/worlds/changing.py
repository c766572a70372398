"""What can be done to a world: stop it, and try again what failed."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.pages.rendering import page_router, seen
from api.pages.visits import Member, MemberVisit, form_of
from api.requests.acceptance import Acceptance
from jobs.db.world import worlds
from jobs.errors import NotFound

router = page_router("/worlds")


@router.post("/{world_id}/cancel")
async def cancel(visit: Member, world_id: UUID) -> Response:
    await form_of(visit)
    state = visit.request.app.state
    async with state.database.transaction() as connection:
        await _require_own(connection, visit, world_id)
        await state.intake.cancel(connection, world_id, visit.caller.owner)
    return seen(f"/worlds/{world_id}")


@router.post("/{world_id}/retry")
async def retry(visit: Member, world_id: UUID) -> Response:
    """Only the branches without a result."""
    await form_of(visit)
    state = visit.request.app.state
    async with state.database.transaction() as connection:
        await _require_own(connection, visit, world_id)
        await Acceptance(connection, visit.caller, state.intake, state.personas).require_room()
        await state.intake.retry(connection, world_id, visit.caller.owner)
    return seen(f"/worlds/{world_id}")


async def _require_own(connection: AsyncConnection, visit: MemberVisit, world_id: UUID) -> None:
    if await worlds.get(connection, visit.caller.owner, world_id) is None:
        raise NotFound(f"There is no world {world_id}.")
