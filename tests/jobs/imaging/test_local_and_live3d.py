"""Pictures by a local A1111 and by a service that takes jobs, through a worker's own resources and the door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.imaging.cancelling import cancel_order
from jobs.lifecycle import run_job
from jobs.resources import Resources, open_resources
from sandbox.a1111 import LocalServer
from sandbox.http_job import HttpJobs
from sandbox.llm.faults import Refusal
from sandbox.serve import serving
from tests.factories import execute, job, opened_door, plain_tracebacks, rows, submit, tickets
from tests.jobs.providers.image_wires import KEY

BODY = '{"prompt": "{prompt}", "width": "{width}", "height": "{height}", "call": "{callback_url}"}'
OUTCOMES = "SELECT provider, outcome, status_code FROM provider_calls ORDER BY id"


@asynccontextmanager
async def image_worker(
    database_url: str, local: LocalServer, shop: HttpJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Resources]:
    plain_tracebacks()
    async with serving(local.app, stop_grace=0.05) as to_local, serving(shop.app, stop_grace=0.05) as to_shop:
        for name, value in {
            "DATABASE_URL": database_url, "MEDIA_URL": f"file:{tmp_path}", "IMAGE_PROVIDERS": "local,live3d",
            "LOCAL_IMAGE_URL": to_local, "LOCAL_IMAGE_STEPS": "4", "LIVE3D_BASE_URL": to_shop, "LIVE3D_API_KEY": KEY,
            "LIVE3D_BODY": BODY, "LIVE3D_CANCEL": "DELETE /api/v1/generation/{id}", "PUBLIC_URL": "https://here",
            "PRICE_PICTURE": "0",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        async with open_resources(frozenset({"image"})) as resources:
            yield resources


async def ran(resources: Resources, made: Job) -> Job:
    await run_job(resources, made.id)
    return await job(resources.database, made.id)


async def fox(resources: Resources, prompt: str = "a red fox") -> Job:
    made = await submit(resources, "generate_image", {"prompt": prompt, "width": 64, "height": 64})
    assert made.queue == "image"
    return made


async def test_a_picture_is_drawn_falls_back_is_called_for_and_is_refused(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, shop = LocalServer(), HttpJobs(looks=1, api_key=KEY)
    async with (
        image_worker(database_url, local, shop, tmp_path, monkeypatch) as resources,
        opened_door(database_url) as door,
    ):
        drawn = await ran(resources, await fox(resources))
        assert (drawn.status, drawn.error) == ("completed", None)
        assert len(shop.orders) == 0, "the first of them could"
        assert (await ran(resources, await fox(resources, "a red fox"))).result is not None

        # its GPU is full: the next one takes the order, and calls when it is done; nobody holds a place meanwhile
        words = {"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory"}
        local.txt2img.order(Refusal(500, words))
        waiting = await ran(resources, await fox(resources, "a blue fox"))
        assert waiting.status == "processing"
        [order] = await rows(database, "SELECT id FROM predictions WHERE state = 'placed'")
        assert shop.orders[0].body["call"] == f"https://here/callbacks/live3d/{order['id']}"
        assert await is_due(database, waiting) is False
        for wrong in (f"/callbacks/live3d/{waiting.id}", "/callbacks/live3d/1", "/callbacks/live3d/%00"):
            assert (await door.http.post(wrong)).status_code == 404
        for _ in range(2):
            called = await door.http.post(f"/callbacks/live3d/{order['id']}", content=b"\xff" * 10)
            assert called.status_code == 204
        assert await is_due(database, waiting) is True
        done = await ran(resources, waiting)
        assert (done.status, done.attempt) == ("completed", 1), "waiting costs no try"
        assert (await door.http.post(f"/callbacks/live3d/{order['id']}")).status_code == 204, "late, and of no use"

        # who refuses the content is believed, and nobody else is asked
        local.txt2img.order(Refusal(403, {"detail": "flagged by moderation"}))
        blocked = await ran(resources, await fox(resources, "a green fox"))
        assert (blocked.status, (blocked.error or {})["code"]) == ("failed", "content_blocked")
        assert len(shop.orders) == 1
    outcomes = [(row["provider"], row["outcome"]) for row in await rows(database, OUTCOMES)]
    assert ("local", "transient") in outcomes
    assert outcomes[-1] == ("local", "content_blocked")
    assert outcomes.count(("live3d", "success")) == 2, "an order and one look"


async def is_due(database: Database, waiting: Job) -> bool:
    """Whether a worker would run it now."""
    [ticket] = [each for each in await tickets(database) if each["id"] == waiting.ticket_id]
    return ticket["scheduled_at"] is None


async def test_an_order_whose_job_is_cancelled_is_cancelled_at_the_provider(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, shop = LocalServer(), HttpJobs(looks=5, api_key=KEY)
    local.txt2img.fail_always(Refusal(503, "away"))
    async with image_worker(database_url, local, shop, tmp_path, monkeypatch) as resources:
        waiting = await ran(resources, await fox(resources))
        assert waiting.status == "processing"
        await execute(database, f"UPDATE jobs SET cancel_requested_at = now() WHERE id = '{waiting.id}'")
        assert (await ran(resources, waiting)).status == "cancelled"
        [order] = await rows(database, "SELECT id, state FROM predictions")
        assert order["state"] == "unwanted"
        await cancel_order(database, resources.image_providers, order["id"])
    assert [each.cancelled for each in shop.orders] == [True]
