"""The event log in pages."""

from typing import Any
from uuid import uuid4

import pytest

from tests.api.opened_api import ANNA, BORIS, Api
from tests.jobs.events.writers import new_job, progress, run_to_end

Json = dict[str, Any]


async def page(api: Api, path: str, **query: Any) -> Json:
    response = await api.anna.get(path, params=query)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def brief(found: Json) -> list[tuple[str, int]]:
    return [(event["type"], event["seq"]) for event in found["events"]]


async def test_the_events_of_a_job_in_pages(api: Api) -> None:
    job = await new_job(api.database, owner=ANNA)
    await run_to_end(api.database, job.id)
    first = await page(api, f"/v1/jobs/{job.id}/events", limit=2)
    rest = await page(api, f"/v1/jobs/{job.id}/events", after=first["next"])
    assert brief(first) == [("job.created", 1), ("job.started", 2)]
    assert brief(rest) == [("job.completed", 3)]
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, "3")
    assert rest["events"][0] == {
        "id": "3",
        "type": "job.completed",
        "job_id": str(job.id),
        "seq": 3,
        "prev_seq": 2,
        "created_at": rest["events"][0]["created_at"],
        "data": {},
        "job": (await api.anna.get(f"/v1/jobs/{job.id}/events", params={"after": "2"})).json()["events"][0]["job"],
    }
    assert rest["events"][0]["job"]["result"] == {"text": "Hello"}


async def test_the_account_s_feed_goes_over_all_its_jobs_and_nobody_else_s(api: Api) -> None:
    one, two = [await new_job(api.database, owner=ANNA) for _ in range(2)]
    await new_job(api.database, owner=BORIS)
    await run_to_end(api.database, one.id)
    found: Json = {"has_more": True, "next": "0-0"}
    seen = []
    while found["has_more"]:
        found = await page(api, "/v1/events", limit=2, after=found["next"])
        seen += [(event["job_id"], event["seq"]) for event in found["events"]]
    assert seen == [(str(one.id), 1), (str(two.id), 1), (str(one.id), 2), (str(one.id), 3)]
    assert (await page(api, "/v1/events", after=found["next"]))["events"] == []
    # the id of an event is as good a place as the next of a page
    last = await page(api, "/v1/events", limit=1)
    assert len((await page(api, "/v1/events", after=last["events"][0]["id"]))["events"]) == 3


async def test_what_is_not_wanted_is_left_out(api: Api) -> None:
    job = await new_job(api.database, owner=ANNA)
    await progress(api.database, job.id, done=1, total=2, preview="data:image/webp;base64,AAAA")
    await run_to_end(api.database, job.id)
    for path in (f"/v1/jobs/{job.id}/events", "/v1/events"):
        some = await page(api, path, types="job.progress,job.completed", previews="false", jobs="false")
        assert brief(some) == [("job.progress", 2), ("job.completed", 4)]
        assert [event["prev_seq"] for event in some["events"]] == [None, 2]
        assert some["events"][0]["data"] == {"done": 1, "total": 2}
        assert "job" not in some["events"][0]
        everything = await page(api, path)
        assert everything["events"][1]["data"]["preview"].startswith("data:")
        assert len(everything["events"]) == 4


async def test_a_filter_may_name_many_types_at_once(api: Api) -> None:
    job = await new_job(api.database, owner=ANNA)
    await run_to_end(api.database, job.id)
    for types, count in {"job.*": 3, "*": 3, "endpoint.*": 0, "job.started,job.started": 1}.items():
        assert len((await page(api, "/v1/events", types=types))["events"]) == count


async def test_an_account_without_jobs_has_an_empty_page(api: Api) -> None:
    assert await page(api, "/v1/events") == {"events": [], "has_more": False, "next": "0-0"}


async def test_another_owner_s_job_is_not_there(api: Api) -> None:
    job = await new_job(api.database, owner=BORIS)
    for job_id in (job.id, uuid4()):
        for accept in ("application/json", "text/event-stream"):
            response = await api.anna.get(f"/v1/jobs/{job_id}/events", headers={"Accept": accept})
            assert response.status_code == 404
            assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/v1/events", "/v1/jobs/00000000-0000-4000-8000-000000000001/events"])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_without_a_key_there_are_no_events(api: Api, path: str, accept: str) -> None:
    assert (await api.nobody.get(path, headers={"Accept": accept})).status_code == 401


@pytest.mark.parametrize(
    ("query", "headers", "where"),
    [
        ({"after": "yesterday"}, {}, "after"),
        ({}, {"Last-Event-ID": "yesterday", "Accept": "text/event-stream"}, "Last-Event-ID"),
        ({"limit": "0"}, {}, "limit"),
        ({"limit": "1001"}, {}, "limit"),
        ({"types": "job.completed;DROP"}, {}, "types"),
        ({"types": "a\x00b"}, {}, "types"),
        ({"types": "job.finished"}, {}, "types"),
    ],
)
async def test_a_mistake_is_named_with_its_place(api: Api, query: Json, headers: Json, where: str) -> None:
    job = await new_job(api.database, owner=ANNA)
    for path in ("/v1/events", f"/v1/jobs/{job.id}/events"):
        response = await api.anna.get(path, params=query, headers=headers)
        assert response.status_code == 422
        assert [each["parameter"] for each in response.json()["errors"]] == [where]


async def test_a_place_of_a_database_that_was_set_back_is_refused(api: Api) -> None:
    for accept in ("application/json", "text/event-stream"):
        response = await api.anna.get("/v1/events", params={"after": f"{2**62:x}-1"}, headers={"Accept": accept})
        assert (response.status_code, response.json()["code"]) == (422, "cursor_ahead")
