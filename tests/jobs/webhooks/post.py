"""A worker's way with webhooks, one ticket at a time, and a receiver on a port of its own."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from jobs.db.delivery import signing_keys
from jobs.db.delivery.webhook_endpoints import Endpoint
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.deliver import deliver
from jobs.delivery.signed_webhook import SignedWebhook
from jobs.errors import TemporaryError
from jobs.resources import Resources
from jobs.webhooks import endpoints
from jobs.webhooks.plan import announce
from jobs.webhooks.sending import Sending
from sandbox.serve import serving
from sandbox.webhook_receiver import WebhookReceiver
from tests.factories import execute, rows, worker

ANNA, BORIS = "account:anna", "account:boris"
EVERYTHING = ["*"]


@dataclass
class Post:
    database: Database
    resources: Resources
    receiver: WebhookReceiver
    url: str
    sending: Sending
    waits: list[float] = field(default_factory=list)

    async def register(self, path: str = "hook", *, owner: str = ANNA, **more: Any) -> Endpoint:
        async with self.database.transaction() as connection:
            return await endpoints.register(connection, owner, **{"url": f"{self.url}/{path}", **more})

    async def change(self, endpoint: Endpoint, **changes: Any) -> Endpoint:
        async with self.database.transaction() as connection:
            return await endpoints.change(connection, endpoint.owner, endpoint.id, changes)

    async def job(self, *, owner: str = ANNA, destination: dict[str, Any] | None = None, **more: Any) -> Job:
        """Accepted, and announced."""
        async with self.database.transaction() as connection:
            job = await insert_job(connection, owner=owner, destination=destination or {}, **more)
            await announce(connection, job, "job.created")
        return job

    async def start(self, job: Job) -> Job:
        async with self.database.transaction() as connection:
            started = await job_rows.claim(connection, job.id, uuid4())
            assert started is not None
            await announce(connection, started, "job.started")
        return started

    async def finish(self, job: Job, status: str = "completed", **outcome: Any) -> Job:
        async with self.database.transaction() as connection:
            done = await job_rows.finish(connection, job, status, ttl=3600, **outcome)
            assert done is not None
            await announce(connection, done, f"job.{status}")
        return done

    async def whole_job(self, **more: Any) -> Job:
        return await self.finish(await self.start(await self.job(**more)))

    async def tickets(self) -> list[tuple[int, int]]:
        """The number of each ticket, and of the delivery that it carries."""
        query = (
            "SELECT id, (args->>'delivery_id')::int AS delivery FROM procrastinate_jobs"
            " WHERE queue_name = 'webhooks' AND task_name = 'deliver' ORDER BY id"
        )
        return [(row["id"], row["delivery"]) for row in await rows(self.database, query)]

    async def run_tickets(self, *, rounds: int = 100) -> None:
        """Each ticket once, and those that follow; one that asks for another time is put aside."""
        asked_again: set[int] = set()
        for _ in range(rounds):
            due = [each for each in await self.tickets() if each[0] not in asked_again]
            if not due:
                return
            for number, delivery in due:
                try:
                    await deliver(self.resources, delivery)
                except TemporaryError as again:
                    self.waits.append(again.retry_in or 0)
                    asked_again.add(number)
                else:
                    await execute(self.database, f"DELETE FROM procrastinate_jobs WHERE id = {number}")

    async def deliveries(self, endpoint: Endpoint | None = None) -> list[dict[str, Any]]:
        query = "SELECT * FROM deliveries WHERE CAST(:id AS uuid) IS NULL OR endpoint_id = :id ORDER BY id"
        return await rows(self.database, query, id=endpoint.id if endpoint else None)

    async def statuses(self, endpoint: Endpoint | None = None) -> list[str]:
        return [row["status"] for row in await self.deliveries(endpoint)]

    async def attempts(self, delivery_id: int) -> list[dict[str, Any]]:
        query = "SELECT * FROM delivery_attempts WHERE delivery_id = :id ORDER BY number"
        return await rows(self.database, query, id=delivery_id)

    async def endpoint(self, endpoint: Endpoint) -> dict[str, Any]:
        [row] = await rows(self.database, "SELECT * FROM webhook_endpoints WHERE id = :id", id=endpoint.id)
        return row

    async def let_time_pass(self, hours: float) -> None:
        """As if everything that is written down with a time had happened so much earlier."""
        change = f"- interval '{hours} hours'"
        await execute(
            self.database,
            f"UPDATE deliveries SET next_attempt_at = next_attempt_at {change}, sending_at = sending_at {change}",
            f"UPDATE webhook_endpoints SET failing_since = failing_since {change}",
        )

    def seen(self, what: str = "seq") -> list[Any]:
        return [each.event["data"][what] for each in self.receiver.received]

    @property
    def types(self) -> list[str]:
        return [each.event["type"] for each in self.receiver.received]


async def insert_job(connection: Any, **more: Any) -> Job:
    """A job as the REST door accepts it, without its ticket."""
    given: dict[str, Any] = {
        "id": uuid4(), "kind": "generate_reply", "owner": ANNA, "input": {"user_message": "hello"}, "queue": "llm",
        "priority": 0, "workflow": None, "model": None, "turn": 0, "ticket_id": None, "parent_id": None,
        "root_id": None, "dialog_id": None, "destination": {}, "metadata": {}, "run_at": None, "deadline": None,
    }  # fmt: skip
    return await job_rows.insert(connection, **{**given, **more})


@asynccontextmanager
async def opened_post(database: Database) -> AsyncIterator[Post]:
    async with AsyncExitStack() as stack:
        resources = await stack.enter_async_context(worker(database))
        sender = SignedWebhook(allow_private=True)
        stack.push_async_callback(sender.aclose)
        sending = Sending(sender, await signing_keys.active(database))
        receiver = WebhookReceiver()
        url = await stack.enter_async_context(serving(receiver.app))
        stack.callback(receiver.release)
        yield Post(database, dataclasses.replace(resources, webhooks=sending), receiver, url, sending)


async def set_attempts(database: Database, delivery_id: int, attempt: int) -> None:
    await execute(database, f"UPDATE deliveries SET attempt = {attempt} WHERE id = {delivery_id}")
