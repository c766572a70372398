"""A job with steps below it, over HTTP: how far it is, what is missing, cancelled and tried again as a whole."""

from collections.abc import AsyncIterator

import pytest

from tests.api.opened_api import Api, client, new_key
from tests.factories import execute, rows, worker
from tests.jobs.growing import OWNER, RUNS, Garden, Plan, registered
from tests.jobs.webhooks.post import Post


@pytest.fixture
async def garden(api: Api) -> AsyncIterator[Garden]:
    await execute(api.database, RUNS)
    with registered():
        async with worker(api.database) as resources:
            yield Garden(resources)


PLAN = Plan(
    children=[
        Plan(name="text", stage="texts", children=[Plan(name=f"picture{each}", stage="pictures") for each in range(3)]),
        Plan(name="icon", stage="icons", does="fail", heals=True),
    ]
)


async def test_a_tree_is_read_retried_and_told_of_as_one_job(api: Api, garden: Garden, post: Post) -> None:
    root = await garden.plant(PLAN)
    path = f"/v1/jobs/{root.id}"
    await garden.run_off(at_once=1, most=3)
    shown = (await api.anna.get(path)).json()
    assert (shown["status"], shown["result"], shown["partial"]) == ("processing", None, False)
    assert (shown["progress"]["done"], shown["progress"]["total"]) == (0, 2), "told about once a second"
    tree = (await api.anna.get(f"{path}/tree")).json()
    counted = tree["job"]["progress"]
    assert (counted["done"], counted["total"], counted["stage"]) == (2, 5, "pictures"), "counted now"
    assert {each["stage"]: (each["planned"], each["done"], each["failed"]) for each in counted["stages"]} == {
        "texts": (1, 1, 0), "icons": (1, 0, 1), "pictures": (3, 0, 0),
    }  # fmt: skip
    assert [each["job"]["stage"] for each in tree["children"]] == ["texts", "icons"]
    assert len(tree["children"][0]["children"]) == 3

    await garden.run_off()
    partial = (await api.anna.get(path)).json()
    assert (partial["status"], partial["partial"], partial["result"]) == ("completed", True, {"name": "root"})
    [missing] = partial["progress"]["missing"]
    assert (missing["stage"], missing["count"], missing["error"]["code"]) == ("icons", 1, "planned")
    assert (await api.boris.post(f"{path}/retry")).status_code == 404
    again = await api.anna.post(f"{path}/retry")
    assert (again.status_code, again.json()["status"], again.json()["partial"]) == (202, "processing", False)
    assert list((await garden.tickets()).values()) == [(await garden.steps(root))["icon"].id]
    await garden.run_off()
    whole = (await api.anna.get(path)).json()
    assert (whole["status"], whole["partial"], whole["progress"]["missing"]) == ("completed", False, [])
    assert (await api.anna.post(f"{path}/retry")).status_code == 409


async def test_webhooks_tell_of_the_root_and_not_of_its_steps(api: Api, garden: Garden, post: Post) -> None:
    made = await api.anna.post("/v1/webhook-endpoints", json={"url": "https://example.com/hook", "events": ["*"]})
    assert made.status_code == 201, made.text
    root = await garden.plant(PLAN)
    await garden.run_off(at_once=2)
    told = "SELECT event_type, job_id FROM deliveries WHERE channel = 'webhook' ORDER BY id"
    found = await rows(api.database, told)
    assert {row["job_id"] for row in found} == {root.id}
    assert [row["event_type"] for row in found] == ["job.created", "job.started", "job.progress", "job.completed"]


async def test_cancel_and_room_count_a_tree_as_one(api: Api, garden: Garden) -> None:
    root = await garden.plant(PLAN)
    await garden.run_off(most=1)
    key = await new_key(api.database, OWNER, open_jobs=2)
    async with client(api.app, key) as narrow:
        body = {"kind": "generate_reply", "input": {"persona": "lina", "user_message": "Hi"}}
        assert [(await narrow.post("/v1/jobs", json=body)).status_code for _ in range(2)] == [202, 429]
        answer = await narrow.post(f"/v1/jobs/{root.id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    tree = (await api.anna.get(f"/v1/jobs/{root.id}/tree")).json()
    assert {each["job"]["status"] for each in tree["children"]} == {"cancelled"}


async def test_a_tree_is_forgotten_as_a_whole(api: Api, garden: Garden) -> None:
    from jobs.db import retention

    root = await garden.plant(PLAN)
    await garden.run_off()
    await execute(api.database, "UPDATE jobs SET expires_at = now() - interval '1 day' WHERE parent_id IS NOT NULL")
    assert (await retention.forget_rows(api.database, 3600))["trees"] == 0
    assert len(await garden.steps(root)) == 5, "as long as the root is kept, so are its steps"
    await execute(api.database, "UPDATE jobs SET expires_at = now() - interval '1 day'")
    assert (await retention.forget_rows(api.database, 3600))["trees"] == 1
    assert await rows(api.database, "SELECT id FROM jobs") == []
