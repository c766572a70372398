"""A remote picture as a client of the REST API sees it, and what an operator sees of its provider."""

import pytest

from jobs.db.session import Database
from tests.api.opened_api import opened_api
from tests.jobs.imaging.studio import GIVEN, opened_studio

PICTURE = {"kind": "generate_image", "input": GIVEN}


async def test_a_client_asks_watches_and_cancels(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_PROVIDERS", "replicate")
    async with opened_studio(database) as studio, opened_api(database_url, hosts="") as api:
        studio.replicate.studio.held = True
        would = (await api.anna.post("/v1/jobs?dry_run=true", json=PICTURE)).json()
        assert (would["queue"], would["lane"]) == ("image", None)
        made = (await api.anna.post("/v1/jobs", json=PICTURE)).json()
        await studio.work()
        seen = (await api.anna.get(f"/v1/jobs/{made['id']}")).json()
        assert (seen["status"], seen["queue"], seen["attempt"], seen["error"]) == ("processing", "image", 0, None)
        events = (await api.anna.get(f"/v1/jobs/{made['id']}/events")).json()
        told = events["events"]
        assert [event["type"] for event in told] == ["job.created", "job.started", "job.waiting"]
        assert told[-1]["data"] == {"provider": "replicate", "due_in": 120.0}

        cancelled = (await api.anna.post(f"/v1/jobs/{made['id']}/cancel")).json()
        assert cancelled["status"] == "cancelled", "at once: nobody runs it"
        await studio.work()
        assert [each.status for each in studio.replicate.orders] == ["canceled"]

        again = (await api.anna.post(f"/v1/jobs/{made['id']}/retry")).json()
        assert (again["status"], again["queue"]) == ("pending", "image")
        await studio.work()
        drawing = studio.replicate.orders[-1]
        studio.replicate.studio.end(drawing)
        assert await studio.call(drawing) == 200
        await studio.work()
        done = (await api.anna.get(f"/v1/jobs/{made['id']}")).json()
        assert (done["status"], done["usage"]) == ("completed", {"provider_seconds": 1.25})
        picture = await api.anna.get(done["urls"]["media"])
        assert picture.content[:4] == b"\x89PNG"

        [provider] = (await api.admin.get("/v1/providers")).json()["providers"]
        assert (provider["name"], provider["state"], provider["in_flight"]) == ("replicate", "closed", 0)
        calls = (await api.admin.get("/v1/providers/calls?provider=replicate")).json()
        assert [call["outcome"] for call in calls["calls"]] == ["success"] * 3
