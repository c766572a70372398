"""What happens to analyses, as it happens."""

from uuid import UUID

from starlette.responses import Response

from api.pages.rendering import page_router
from api.pages.streams import LastEventId, account_stream, job_stream
from api.pages.visits import Member
from jobs.db.analyses import comparisons
from jobs.db.work import jobs as job_rows
from jobs.errors import NotFound

router = page_router("/analyses")


@router.get("/events")
async def events_of_account(visit: Member, last_event_id: LastEventId = None) -> Response:
    return await account_stream(visit, last_event_id)


@router.get("/{comparison_id}/events")
async def events_of_analysis(visit: Member, comparison_id: UUID, last_event_id: LastEventId = None) -> Response:
    async with visit.request.app.state.database.statement() as connection:
        comparison = await comparisons.get(connection, comparison_id, visit.caller.owner)
        job = await job_rows.get(connection, comparison.job_id) if comparison and comparison.job_id else None
        if job is None:
            raise NotFound(f"There is no comparison {comparison_id} with a job.")
        return await job_stream(visit, connection, job, last_event_id)
