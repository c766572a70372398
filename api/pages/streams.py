"""What happens, as it happens, for a page that is open: the event streams of the API, for who has logged in."""

from typing import Annotated
from uuid import UUID

from fastapi import Header
from starlette.responses import Response

from api.event_readers import Asked, account_reader, job_reader
from api.event_stream import EventStream
from api.pages.rendering import page_router
from api.pages.visits import Member
from api.streams import Streams
from jobs.db import comparisons
from jobs.db import jobs as job_rows
from jobs.errors import InvalidInput, NotFound
from jobs.events.cursor import parse_cursor, parse_seq

router = page_router()

LastEventId = Annotated[str | None, Header()]
ASKED = Asked(previews=False)


@router.get("/events")
async def events_of_account(visit: Member, last_event_id: LastEventId = None) -> Response:
    """Of all the caller's jobs, from now on."""
    streams: Streams = visit.request.app.state.streams
    streams.require_room(visit.caller.key_id)
    async with streams.database.statement() as connection:
        try:
            start = parse_cursor(last_event_id) if last_event_id else None
            reader = await account_reader(connection, visit.caller.owner, ASKED, start)
        except InvalidInput:
            reader = await account_reader(connection, visit.caller.owner, ASKED, None)
    return EventStream(streams, reader, bell=streams.hub.owner(visit.caller.owner), key_id=visit.caller.key_id)


@router.get("/{comparison_id}/events")
async def events_of_analysis(visit: Member, comparison_id: UUID, last_event_id: LastEventId = None) -> Response:
    """Of the job of one analysis, until it ends; 204 to a browser that comes back after that."""
    streams: Streams = visit.request.app.state.streams
    streams.require_room(visit.caller.key_id)
    async with streams.database.statement() as connection:
        comparison = await comparisons.get(connection, comparison_id, visit.caller.owner)
        job = await job_rows.get(connection, comparison.job_id) if comparison and comparison.job_id else None
        if job is None:
            raise NotFound(f"There is no comparison {comparison_id} with a job.")
        start = _place(last_event_id)
        if start is not None and start >= job.event_seq and job.status not in ("pending", "processing"):
            return Response(status_code=204)
        reader = await job_reader(connection, job, ASKED, start)
    return EventStream(streams, reader, bell=streams.hub.job(job.id), key_id=visit.caller.key_id)


def _place(last_event_id: str | None) -> int | None:
    try:
        return parse_seq(last_event_id) if last_event_id else None
    except InvalidInput:
        return None
