"""What tests of remote pictures are made of: Replicate's stand-in, the door that it calls, and a worker of `image`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx

from jobs import lifecycle
from jobs.companion.wallet.accounts import Wallet
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.imaging import cancelling
from jobs.imaging.callbacks import Callbacks
from jobs.providers.a1111 import A1111
from jobs.providers.image_provider import ImageProvider
from jobs.providers.image_settings import USUAL_INPUT
from jobs.providers.replicate import Replicate
from jobs.resources import Resources
from jobs.settings import EconomySettings, ImageSettings
from sandbox.a1111 import LocalServer
from sandbox.replicate import TOKEN, ReplicateServer
from sandbox.replicate_state import Drawing
from sandbox.serve import serving
from tests.factories import execute, job, rows, submit, to_chat, webhook_app, worker
from tests.jobs.guard.fleet import opened_guard, settled

LASTING = BreakerRules(threshold=3, first_open=60.0, longest_open=600.0, lease=30.0)
GIVEN = {"prompt": "a red fox", "width": 64, "height": 80, "seed": 7}
NOWHERE = "http://127.0.0.1:9"


@dataclass
class Studio:
    database: Database
    resources: Resources
    replicate: ReplicateServer
    local: LocalServer
    door: str

    async def order(self, **more: Any) -> Job:
        """A new job, as it was taken in."""
        owner = more.pop("owner", "telegram:7")
        chat = to_chat() if owner.startswith("telegram") else {}
        return await submit(self.resources, "generate_image", {**GIVEN, **more}, owner=owner, destination=chat)

    async def work(self) -> int:
        """Run what is due in the queue `image`, one ticket after the other, as its worker does; how many."""
        done = 0
        while found := await rows(
            self.database,
            "DELETE FROM procrastinate_jobs WHERE id = (SELECT id FROM procrastinate_jobs WHERE queue_name = 'image'"
            " AND coalesce(scheduled_at, now()) <= now() ORDER BY id LIMIT 1) RETURNING task_name, args",
        ):
            [ticket] = found
            done += 1
            if ticket["task_name"] == "run_job":
                await lifecycle.run_job(self.resources, UUID(ticket["args"]["job_id"]))
            else:
                order_id = UUID(ticket["args"]["order_id"])
                await cancelling.cancel_order(self.database, self.resources.image_providers, order_id)
        assert self.resources.guard
        await settled(self.resources.guard)
        return done

    async def now(self, made: Job) -> Job:
        return await job(self.database, made.id)

    async def due_in(self, made: Job) -> float:
        """Seconds to the job's ticket; below zero when it is due."""
        query = (
            "SELECT coalesce(extract(epoch FROM scheduled_at - now()), -1)::float8 AS due FROM procrastinate_jobs"
            " WHERE args->>'job_id' = :id"
        )
        [ticket] = await rows(self.database, query, id=str(made.id))
        return float(ticket["due"])

    async def later(self) -> None:
        """Time passes: what waits is due, and orders are not new any more."""
        await execute(
            self.database,
            "UPDATE procrastinate_jobs SET scheduled_at = NULL",
            "UPDATE predictions SET ordered_at = ordered_at - interval '30 seconds'",
        )

    async def orders(self) -> list[dict[str, Any]]:
        return await rows(self.database, "SELECT * FROM predictions ORDER BY ordered_at")

    async def call(self, drawing: Drawing, **headers: Any) -> int:
        """Replicate calls back now."""
        return await self.replicate.calls.call(drawing, **headers)


@asynccontextmanager
async def opened_studio(
    database: Database, *, names: str = "replicate", pushes: bool = True, **options: Any
) -> AsyncIterator[Studio]:
    """`names` as in IMAGE_PROVIDERS. `pushes`: whether there is a PUBLIC_URL."""
    async with AsyncExitStack() as stack:
        replicate, local = ReplicateServer(**options), LocalServer()
        # the test says when it calls
        replicate.calls.mute = True
        stack.push_async_callback(replicate.aclose)
        address = await stack.enter_async_context(serving(replicate.app, stop_grace=0.05))
        local_address = await stack.enter_async_context(serving(local.app, stop_grace=0.05))
        door = await stack.enter_async_context(serving(webhook_app(database.url)))
        resources = await stack.enter_async_context(worker(database))
        guard = await stack.enter_async_context(opened_guard(database, LASTING))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        known: dict[str, ImageProvider] = {
            "replicate": Replicate(
                client, base_url=address, token=TOKEN, model="sandbox/landscapes", timeout=60, template=USUAL_INPUT
            ),
            "local": A1111(client, base_url=local_address, timeout=10),
        }
        images = ImageSettings(image_providers=names, _env_file=None)
        resources.intake.images = images
        resources.intake.wallet = Wallet(EconomySettings(price_picture=0, _env_file=None))
        resources = replace(
            resources,
            guard=guard,
            image_providers=[known[name] for name in images.remote],
            callbacks=Callbacks(database, door if pushes else ""),
        )
        yield Studio(database, resources, replicate, local, door)
