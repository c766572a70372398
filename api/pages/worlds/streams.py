"""What happens to worlds, as it happens."""

from uuid import UUID

from starlette.responses import Response

from api.pages.rendering import page_router
from api.pages.streams import LastEventId, account_stream, job_stream
from api.pages.visits import Member
from jobs.db.world import world_report
from jobs.errors import NotFound

router = page_router("/worlds")


@router.get("/events")
async def events_of_account(visit: Member, last_event_id: LastEventId = None) -> Response:
    return await account_stream(visit, last_event_id)


@router.get("/{world_id}/events")
async def events_of_world(visit: Member, world_id: UUID, last_event_id: LastEventId = None) -> Response:
    """Of its job, which tells how far all steps are."""
    async with visit.request.app.state.database.statement() as connection:
        found = await world_report.get(connection, visit.caller.owner, world_id)
        if found is None:
            raise NotFound(f"There is no world {world_id}.")
        return await job_stream(visit, connection, found.job, last_event_id)
