"""The worker: `procrastinate --app=jobs.worker.app worker --queues=gpu-0,llm`. Registers the tasks, nothing else."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from procrastinate import JobContext
from procrastinate.app import WorkerOptions

from jobs import deliver as delivering
from jobs import endings, housekeeping, lifecycle, media_check, queues
from jobs.companion.operating import broadcast
from jobs.connector import QueueConnector
from jobs.engine.app import QueueApp
from jobs.imaging import cancelling
from jobs.lanes.gates import Gates
from jobs.log import configure
from jobs.resources import Resources, open_resources
from jobs.settings import LaneSettings, WorkerSettings, load
from jobs.trees import looking
from jobs.webhooks.care import enqueue_due
from jobs.worlds.settings import WorldSettings

# one prompt renders, the next one waits inside ComfyUI
LANE_ROOM = 2
# receivers of webhooks may hang, and must not hold up the others
WEBHOOK_ROOM = 500
# after an outage every worker gets the time to be heard again before one is taken for dead
STEADY_SECONDS = 10.0


gates = Gates()


@asynccontextmanager
async def open_context(served: frozenset[str]) -> AsyncIterator[dict[str, Any]]:
    configure("worker")
    async with open_resources(served, gates) as resources:
        yield {"resources": resources}


def queue_room(queue: str, concurrency: int) -> int:
    if queues.is_lane(queue):
        return min(concurrency, LANE_ROOM)
    return max(concurrency, WEBHOOK_ROOM) if queue == "webhooks" else concurrency


def grace_time() -> WorkerOptions:
    return {"shutdown_graceful_timeout": load(WorkerSettings).worker_shutdown_grace}


def limits() -> dict[str, int]:
    return {"world": load(WorldSettings).max_concurrent_tasks}


def all_queues() -> list[str]:
    return queues.all_queues(load(LaneSettings))


app = QueueApp(
    connector=QueueConnector(),
    all_queues=all_queues,
    served_with=queues.SERVED_WITH,
    limits=limits,
    gates=gates,
    open_context=open_context,
    queue_room=queue_room,
    late_defaults=grace_time,
    worker_defaults={
        "concurrency": 10,
        "fetch_job_polling_interval": 0.5,
        "delete_jobs": "successful",
        "update_heartbeat_interval": 5.0,
        "stalled_worker_timeout": housekeeping.STALLED_SECONDS,
    },
)


@app.task(name="run_job", pass_context=True)
async def run_job(context: JobContext, job_id: str) -> None:
    await lifecycle.run_job(resources_of(context), UUID(job_id), context.additional_context["seat"])


@app.task(name="deliver", pass_context=True)
async def deliver(context: JobContext, delivery_id: int, then: Sequence[int] = ()) -> None:
    await delivering.deliver(resources_of(context), delivery_id, *then)


@app.task(name="cancel_order", pass_context=True)
async def cancel_order(context: JobContext, order_id: str) -> None:
    resources = resources_of(context)
    await cancelling.cancel_order(resources.database, resources.image_providers, UUID(order_id))


@app.periodic(cron="* * * * * */5")
@app.task(name="sweep", queue="housekeeping", queueing_lock="sweep", pass_context=True)
async def sweep(context: JobContext, timestamp: int) -> None:
    del timestamp
    database = resources_of(context).database
    await enqueue_due(database)
    await endings.expire_overdue(resources_of(context))
    await looking.sweep(resources_of(context))
    await broadcast.tell_all(database)
    if context.additional_context["steady_for"]() >= STEADY_SECONDS:
        await housekeeping.sweep_stalled(database)
        await housekeeping.move_unserved(database)


@app.periodic(cron="7 * * * *")
@app.task(name="prune", queue="housekeeping", queueing_lock="prune", pass_context=True)
async def prune(context: JobContext, timestamp: int) -> None:
    del timestamp
    resources = resources_of(context)
    await housekeeping.prune(resources.database)
    await housekeeping.end_held(resources.database)
    await housekeeping.end_collections(resources.database)
    await housekeeping.forget_expired(resources.database, resources.media, resources.result_ttl)


@app.periodic(cron="37 4 * * *")
@app.task(name="tidy_media", queue="housekeeping", queueing_lock="tidy_media", pass_context=True)
async def tidy_media(context: JobContext, timestamp: int) -> None:
    del timestamp
    resources = resources_of(context)
    await media_check.remove_unclaimed(resources.database, resources.media)


@app.periodic(cron="17 3 * * *")
@app.task(name="reconcile", queue="housekeeping", queueing_lock="reconcile", pass_context=True)
async def reconcile(context: JobContext, timestamp: int) -> None:
    resources = resources_of(context)
    await housekeeping.ask_for_reconciliation(resources.database, resources.intake, timestamp)


def resources_of(context: JobContext) -> Resources:
    resources: Resources = context.additional_context["resources"]
    return resources
