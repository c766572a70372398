"""A world is cancelled whose pictures a remote provider draws: what was ordered there is taken back."""

from dataclasses import replace

import httpx

from jobs.db.session import Database
from jobs.providers.gemini import Gemini
from sandbox.comfyui.server import ComfyServer
from sandbox.gemini import ScriptedGemini
from sandbox.gemini_content import Content
from sandbox.serve import serving
from tests.factories import rows
from tests.jobs.imaging.studio import opened_studio
from tests.jobs.worlds.creation import Creation


async def test_cancelling_a_world_takes_its_orders_back(database: Database) -> None:
    gemini = ScriptedGemini(Content())
    async with (
        serving(gemini.app, stop_grace=0.05) as url,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
        opened_studio(database) as studio,
    ):
        model = Gemini(client, base_url=url, version="v1", api_key="", model="m", context_tokens=100_000, timeout=10)
        creation = Creation(replace(studio.resources, models={"WORLD_LLM": model}), gemini, ComfyServer(), url)
        studio.replicate.studio.held = True
        root = await creation.ask(users=2, posts=2)
        await creation.work(most=2, queue="world")
        await studio.work()
        assert [each.status for each in studio.replicate.orders] == ["starting", "starting"]
        async with database.transaction() as connection:
            await creation.resources.intake.cancel(connection, root.id, root.owner)
        assert (await creation.look(root)).status == "cancelled", "at once: nobody runs any of it"
        await studio.work()
        assert [each.status for each in studio.replicate.orders] == ["canceled", "canceled"]
        statuses = await rows(database, "SELECT status, count(*) FROM jobs GROUP BY status ORDER BY status")
    assert [tuple(each.values()) for each in statuses] == [("cancelled", 4), ("completed", 1)]
