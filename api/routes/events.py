"""GET /v1/jobs/{id}/events and GET /v1/events: the event log in pages, or as a stream that goes on."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field

from api.authentication import JobsCaller
from api.streaming.event_readers import Asked, account_reader, job_reader
from api.streaming.event_stream import EventStream
from api.streaming.streams import Streams
from jobs.db.work import jobs as job_rows
from jobs.errors import InvalidInput, NotFound
from jobs.events import feed
from jobs.events.cursor import parse_cursor, parse_seq
from jobs.webhooks import event_types

Json = dict[str, Any]
Place = TypeVar("Place")

router = APIRouter(prefix="/v1", tags=["events"])


class EventOut(BaseModel):
    """One change of a job. `seq` counts the job's events without a gap; `prev_seq` is the one before among those asked
    for, so nothing that lies between was left out."""

    id: str = Field(description="send it as `after` or Last-Event-ID to go on behind this event")
    type: str = Field(examples=["job.completed"])
    job_id: UUID
    seq: int
    prev_seq: int | None
    created_at: str
    data: Json
    job: Json | None = Field(default=None, description="the job as it is now: its own `seq` says how new")


class EventPage(BaseModel):
    """`next` is the `after` of the next page; without `has_more` there is nothing behind it yet."""

    events: list[EventOut]
    has_more: bool
    next: str


STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": EventPage,
        "description": "A page; or, with `Accept: text/event-stream`, a stream: a `snapshot` first, then each event"
        " with its `id`, a comment every 15 seconds, and `reconnect` before the server stops.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
ENDED: dict[int | str, dict[str, Any]] = {
    204: {"description": "To a stream that resumes: the job has ended, and nothing follows"}
}


def asked(
    request: Request,
    types: Annotated[
        str | None,
        Query(
            max_length=500,
            description="only these types of events, with commas between; `job.*` stands for all that begin so",
            examples=["job.completed,job.failed"],
        ),
    ] = None,
    previews: Annotated[bool, Query(description="with the preview pictures of progress events")] = True,
    jobs: Annotated[bool, Query(description="with the whole job in each event")] = True,
) -> Asked:
    return Asked(wanted_types(types), previews, jobs, request.app.state.public_url)


def wanted_types(names: str | None) -> tuple[str, ...]:
    """Raises InvalidInput for a name that no event has."""
    if not names:
        return ()
    try:
        filters = event_types.checked(names.split(","))
    except InvalidInput as error:
        error.errors = [{"parameter": "types", "in": "query", "detail": error.errors[0]["detail"]}]
        raise
    return () if "*" in filters else tuple(each for each in event_types.ALL if event_types.is_wanted(each, filters))


AskedFor = Annotated[Asked, Depends(asked)]
After = Annotated[str | None, Query(description="begin behind this event")]
Limit = Annotated[int, Query(ge=1, le=1000, description="events in a page")]
LastEventId = Annotated[str | None, Header(description="of a stream: go on behind this event")]


@router.get(
    "/jobs/{job_id}/events",
    summary="A job's events",
    response_model=EventPage,
    responses=STREAMED | ENDED,
    response_model_exclude_unset=True,
)
async def events_of_job(
    request: Request,
    job_id: UUID,
    caller: JobsCaller,
    wanted: AskedFor,
    after: After = None,
    limit: Limit = 100,
    last_event_id: LastEventId = None,
) -> Response | Json:
    """What happened to a job: a page of its events, or a stream that ends with the job."""
    streams: Streams = request.app.state.streams
    async with streams.database.statement() as connection:
        job = await job_rows.get(connection, job_id)
        if job is None or job.owner != caller.owner:
            raise NotFound(f"There is no job {job_id}.")
        if not wants_stream(request):
            page = await feed.of_job(
                connection, job_id, after=place(parse_seq, after, None) or 0, limit=limit, types=wanted.types
            )
            views = await wanted.views(connection, page.events, account=False)
            return {"events": views, "has_more": page.has_more, "next": str(page.next)}
        start = place(parse_seq, after, last_event_id)
        if last_event_id and start is not None and start >= job.event_seq and job.status not in feed.OPEN:
            return Response(status_code=204)
        streams.require_room(caller.key_id)
        reader = await job_reader(connection, job, wanted, start)
    return EventStream(streams, reader, bell=streams.hub.job(job_id), key_id=caller.key_id)


@router.get(
    "/events",
    summary="All events of the account",
    response_model=EventPage,
    responses=STREAMED,
    response_model_exclude_unset=True,
)
async def events_of_account(
    request: Request,
    caller: JobsCaller,
    wanted: AskedFor,
    after: After = None,
    limit: Limit = 100,
    last_event_id: LastEventId = None,
) -> Response | Json:
    """What happened to all your jobs, in an order that never changes: a page from the oldest on, or a stream from now
    on. Nothing is skipped, whatever was committed in which order."""
    streams: Streams = request.app.state.streams
    streaming = wants_stream(request)
    start = place(parse_cursor, after, last_event_id if streaming else None)
    async with streams.database.statement() as connection:
        if not streaming:
            page = await feed.of_owner(connection, caller.owner, after=start, limit=limit, types=wanted.types)
            views = await wanted.views(connection, page.events, account=True)
            return {"events": views, "has_more": page.has_more, "next": str(page.next)}
        streams.require_room(caller.key_id)
        reader = await account_reader(connection, caller.owner, wanted, start)
    return EventStream(streams, reader, bell=streams.hub.owner(caller.owner), key_id=caller.key_id)


def wants_stream(request: Request) -> bool:
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(each.partition(";")[0].strip() == "text/event-stream" for each in accepted)


def place(parse: Callable[[str], Place], after: str | None, last_event_id: str | None) -> Place | None:
    """Where to begin. A browser that comes back repeats its first address: what it has seen since is in the header."""
    words, found = after, {"parameter": "after", "in": "query"}
    if last_event_id:
        words, found = last_event_id, {"parameter": "Last-Event-ID", "in": "header"}
    if words is None:
        return None
    try:
        return parse(words)
    except InvalidInput as error:
        error.errors = [{**found, "detail": error.detail}]
        raise
