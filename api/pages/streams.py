"""What happens, as it happens, for a page that is open: the event streams of the API, for who has logged in."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Header
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from api.pages.visits import MemberVisit
from api.streaming.event_readers import Asked, account_reader, job_reader
from api.streaming.event_stream import EventStream
from api.streaming.streams import Streams
from jobs.db.work.jobs import Job, Json
from jobs.errors import InvalidInput
from jobs.events import feed
from jobs.events.cursor import parse_cursor, parse_seq
from jobs.events.feed import Event

LastEventId = Annotated[str | None, Header()]


class OfRoots(Asked):
    """Without the steps of trees: a world has hundreds, and its root tells how far they are."""

    async def views(self, connection: AsyncConnection, events: Sequence[Event], *, account: bool) -> list[Json]:
        jobs = await feed.jobs_of(connection, events)
        steps = {job.id for job in jobs.values() if job.parent_id}
        return await super().views(connection, [each for each in events if each.job_id not in steps], account=account)


ASKED, ASKED_OF_ROOTS = Asked(previews=False), OfRoots(previews=False)


async def account_stream(visit: MemberVisit, last_event_id: str | None) -> Response:
    """Of all that the caller asked for, from now on."""
    streams: Streams = visit.request.app.state.streams
    streams.require_room(visit.caller.key_id)
    async with streams.database.statement() as connection:
        try:
            start = parse_cursor(last_event_id) if last_event_id else None
            reader = await account_reader(connection, visit.caller.owner, ASKED_OF_ROOTS, start)
        except InvalidInput:
            reader = await account_reader(connection, visit.caller.owner, ASKED_OF_ROOTS, None)
    bell = streams.hub.owner(visit.caller.owner)
    return EventStream(streams, reader, bell=bell, key_id=visit.caller.key_id, session=visit.session.nonce)


async def job_stream(visit: MemberVisit, connection: AsyncConnection, job: Job, last_event_id: str | None) -> Response:
    """Of one job, until it ends; 204 to a browser that comes back after that. The job is the caller's."""
    streams: Streams = visit.request.app.state.streams
    streams.require_room(visit.caller.key_id)
    start = _place(last_event_id)
    if start is not None and start >= job.event_seq and job.status not in ("pending", "processing"):
        return Response(status_code=204)
    reader = await job_reader(connection, job, ASKED, start)
    bell = streams.hub.job(job.id)
    return EventStream(streams, reader, bell=bell, key_id=visit.caller.key_id, session=visit.session.nonce)


def _place(last_event_id: str | None) -> int | None:
    try:
        return parse_seq(last_event_id) if last_event_id else None
    except InvalidInput:
        return None
