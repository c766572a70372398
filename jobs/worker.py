"""The worker: `procrastinate --app=jobs.worker.app worker --queues=gpu-0,llm`. Registers the tasks, nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from procrastinate import JobContext
from procrastinate.app import WorkerOptions

from jobs import deliver as delivering
from jobs import housekeeping, lifecycle
from jobs.connector import QueueConnector
from jobs.engine.app import QueueApp
from jobs.lanes import hosts
from jobs.lanes.gates import Gates
from jobs.log import configure
from jobs.resources import Resources, open_resources
from jobs.settings import LaneSettings, WorkerSettings, load

QUEUES = ("llm", "image", "analysis", "world", "telegram", "webhooks", "housekeeping")
# one prompt renders, the next one waits inside ComfyUI
LANE_LIMIT = 2
# after an outage every worker gets the time to be heard again before one is taken for dead
STEADY_SECONDS = 10.0


gates = Gates()


@asynccontextmanager
async def open_context(queues: frozenset[str]) -> AsyncIterator[dict[str, Any]]:
    configure("worker")
    async with open_resources(queues, gates) as resources:
        yield {"resources": resources}


def lane_limit(queue: str) -> int | None:
    return LANE_LIMIT if hosts.is_lane(queue) else None


def grace_time() -> WorkerOptions:
    return {"shutdown_graceful_timeout": load(WorkerSettings).worker_shutdown_grace}


def all_queues() -> list[str]:
    return [*QUEUES, *hosts.names(load(LaneSettings))]


app = QueueApp(
    connector=QueueConnector(),
    all_queues=all_queues,
    gates=gates,
    open_context=open_context,
    queue_limit=lane_limit,
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
    await lifecycle.run_job(resources_of(context), UUID(job_id))


@app.task(name="deliver", pass_context=True)
async def deliver(context: JobContext, delivery_id: int) -> None:
    await delivering.deliver(resources_of(context), delivery_id)


@app.periodic(cron="* * * * * */5")
@app.task(name="sweep", queue="housekeeping", queueing_lock="sweep", pass_context=True)
async def sweep(context: JobContext, timestamp: int) -> None:
    del timestamp
    if context.additional_context["steady_for"]() >= STEADY_SECONDS:
        await housekeeping.sweep_stalled(resources_of(context).database)


@app.periodic(cron="7 * * * *")
@app.task(name="prune", queue="housekeeping", queueing_lock="prune", pass_context=True)
async def prune(context: JobContext, timestamp: int) -> None:
    del timestamp
    resources = resources_of(context)
    await housekeeping.prune(resources.database)
    await housekeeping.forget_expired(resources.database, resources.media, resources.result_ttl)


def resources_of(context: JobContext) -> Resources:
    resources: Resources = context.additional_context["resources"]
    return resources
