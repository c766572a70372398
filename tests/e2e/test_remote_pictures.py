"""A picture that Replicate draws, with true processes: the worker is started as in a deployment, the door is called."""

from pathlib import Path
from typing import Any

import pytest

from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import ImageSettings
from sandbox.replicate import TOKEN, ReplicateServer
from sandbox.serve import serving
from tests.e2e.stack import Stack, running_stack, until
from tests.factories import webhook_app, worker


async def status_of(stack: Stack, made: Any) -> str:
    [row] = await stack.query("SELECT status FROM jobs WHERE id = :id", id=made)
    return str(row.status)


async def test_a_worker_that_dies_while_replicate_draws_costs_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replicate = ReplicateServer()
    replicate.studio.held = True
    async with running_stack(database_url, tmp_path) as stack, serving(replicate.app) as address:
        monkeypatch.setenv("IMAGE_PROVIDERS", "replicate")
        async with serving(webhook_app(database_url)) as door, worker(stack.database) as resources:
            resources.intake.images = ImageSettings(image_providers="replicate", _env_file=None)
            stack.environment |= {
                "IMAGE_PROVIDERS": "replicate", "REPLICATE_API_TOKEN": TOKEN, "REPLICATE_BASE_URL": address,
                "REPLICATE_MODEL": "sandbox/landscapes", "PUBLIC_URL": door,
            }  # fmt: skip
            first = await stack.start_worker("image")
            made = await submitted(stack.database, resources.intake)
            await replicate.create.wait_for_requests(1)
            waits = "SELECT 1 FROM jobs WHERE status = 'processing' AND run_token IS NULL AND id = '{}'"
            await until(lambda: stack.query(waits.format(made)), bool)
            await stack.kill(first)
            await stack.start_worker("image")
            replicate.studio.end(replicate.orders[0])
            await until(lambda: status_of(stack, made), lambda status: status == "completed")
            found = await stack.query("SELECT name FROM providers")
            unwanted = await submitted(stack.database, resources.intake, seed=8)
            await until(lambda: stack.query(waits.format(unwanted)), bool)
            async with stack.database.transaction() as connection:
                await resources.intake.cancel(connection, unwanted, "key:1")
            await until(lambda: ended(replicate), lambda ends: ends[-1] == "canceled")
    await replicate.aclose()
    assert [row.name for row in found] == ["replicate"]
    assert await ended(replicate) == ["succeeded", "canceled"]
    assert replicate.calls.answers[0] == 200


async def ended(replicate: ReplicateServer) -> list[str]:
    return [each.status for each in replicate.orders]


async def submitted(database: Database, intake: Any, **more: Any) -> Any:
    new = NewJob("generate_image", {"prompt": "a red fox", "width": 64, "height": 64, **more}, "key:1")
    async with database.transaction() as connection:
        return (await intake.submit(connection, new)).id
