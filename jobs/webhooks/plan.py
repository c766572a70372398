"""Who is told of a change of a job? Deliveries are planned in the transaction of the change, and nothing is sent."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery import webhook_endpoints as endpoints
from jobs.db.delivery.webhook_endpoints import Wanting
from jobs.db.work.jobs import Job
from jobs.enqueue import Ticket, enqueue
from jobs.events.media_urls import media_urls
from jobs.owners import is_of_chat
from jobs.webhooks.body import job_body, webhook_id
from jobs.webhooks.event_types import is_wanted, names_of
from jobs.webhooks.surroundings import surroundings

QUEUE = "webhooks"


async def announce(connection: AsyncConnection, job: Job, event: str) -> None:
    """Plan a webhook for each endpoint that wants this event. Must follow the change in the same transaction.

    `job` as it is after the change. What came from a chat has no endpoint, and is not asked about; for the steps of a
    tree its root speaks.
    """
    if not is_told(job):
        return
    wanting = await endpoints.wanting(connection, job.owner, job.id, names_of(event), _own_endpoint(job, event))
    if not wanting:
        return
    media = (await media_urls(connection, [job], surroundings().public_url or "")).get(job.id)
    busy = await deliveries.open_chains(connection, job.id, [each.id for each in wanting])
    tickets = []
    for endpoint in wanting:
        delivery_id = await _plan(connection, job, event, endpoint, media)
        if delivery_id is not None and not endpoint.disabled and endpoint.id not in busy:
            tickets.append(delivery_id)
    await send_tickets(connection, tickets)


def is_told(job: Job) -> bool:
    """Could anybody have asked for webhooks of it?"""
    return not is_of_chat(job.owner) and job.parent_id is None


async def send_tickets(connection: AsyncConnection, delivery_ids: list[int]) -> None:
    """Have workers send these now."""
    if delivery_ids:
        await enqueue(connection, [Ticket("deliver", {"delivery_id": each}, QUEUE) for each in delivery_ids])


def _own_endpoint(job: Job, event: str) -> UUID | None:
    """The endpoint of the job's `webhook_url`, if that one wants the event."""
    own = job.destination.get("webhook")
    return UUID(own["endpoint_id"]) if own and is_wanted(event, own["events"]) else None


async def _plan(connection: AsyncConnection, job: Job, event: str, endpoint: Wanting, media: str | None) -> int | None:
    body = job_body(
        job,
        event,
        prev_seq=endpoint.prev_seq,
        thin=endpoint.payload == "thin",
        public_url=surroundings().public_url or "",
        media=media,
    )
    return await deliveries.plan(
        connection,
        key=f"webhook:{endpoint.id}:{job.id}:{job.event_seq}",
        job_id=job.id,
        owner=job.owner,
        url=endpoint.url,
        status="held" if endpoint.disabled else "pending",
        endpoint_id=endpoint.id,
        webhook_id=webhook_id(job.id, job.event_seq),
        event_type=event,
        event_seq=job.event_seq,
        body=body,
    )
