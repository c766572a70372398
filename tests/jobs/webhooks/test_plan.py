"""Who is told of what, in which bytes, and in which order."""

import json
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event

from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.errors import InvalidInput
from jobs.webhooks import endpoints, event_types
from jobs.webhooks.plan import announce
from tests.jobs.webhooks.post import ANNA, BORIS, EVERYTHING, Post, insert_job


async def test_a_filter_gets_what_it_names(post: Post) -> None:
    everything = await post.register("all", events=EVERYTHING)
    ends = await post.register("ends")
    started = await post.register("started", events=["job.started"])
    jobs_only = await post.register("jobs", events=["job.*"])
    await post.whole_job()
    planned = {
        endpoint.id: [row["event_type"] for row in await post.deliveries(endpoint)]
        for endpoint in (everything, ends, started, jobs_only)
    }
    whole = ["job.created", "job.started", "job.completed"]
    assert list(planned.values()) == [whole, ["job.completed"], ["job.started"], whole]


async def test_nobody_hears_of_another_owners_jobs(post: Post) -> None:
    await post.register(owner=BORIS, events=EVERYTHING)
    await post.whole_job(owner=ANNA)
    assert await post.deliveries() == []


async def test_a_jobs_own_address_gets_that_job_and_no_other(post: Post) -> None:
    async with post.database.transaction() as connection:
        own = await endpoints.for_job(connection, ANNA, f"{post.url}/own", ["job.*"])
        again = await endpoints.for_job(connection, ANNA, f"{post.url}/own", None)
    assert own == again, "one address is one endpoint, with one secret"
    await post.whole_job(destination={"webhook": {"endpoint_id": str(own), "events": ["job.completed"]}})
    await post.whole_job()
    [planned] = await post.deliveries()
    assert (planned["endpoint_id"], planned["event_type"]) == (own, "job.completed")


async def test_somebody_elses_endpoint_in_a_destination_gets_nothing(post: Post) -> None:
    async with post.database.transaction() as connection:
        own = await endpoints.for_job(connection, BORIS, f"{post.url}/own", None)
    await post.whole_job(owner=ANNA, destination={"webhook": {"endpoint_id": str(own), "events": ["*"]}})
    assert await post.deliveries() == []


async def test_a_job_from_a_chat_asks_the_database_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        job = await insert_job(connection, owner="telegram:7")
        statements: list[str] = []
        event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        await announce(connection, job, "job.created")
        assert statements == []
        await announce(connection, await insert_job(connection), "job.created")
        # the insert of that job, and one question
        assert len(statements) == 2


async def test_what_is_rolled_back_was_never_planned(post: Post) -> None:
    await post.register(events=EVERYTHING)
    async with post.database.engine.connect() as connection:
        await announce(connection, await insert_job(connection), "job.created")
        await connection.rollback()
    assert (await post.deliveries(), await post.tickets()) == ([], [])


async def test_the_same_event_is_planned_once(post: Post) -> None:
    """The answer to a commit was lost, and the transaction runs again."""
    await post.register(events=EVERYTHING)
    job = await post.job()
    async with post.database.transaction() as connection:
        await announce(connection, job, "job.created")
    assert len(await post.deliveries()) == len(await post.tickets()) == 1


async def test_only_the_first_of_a_chain_has_a_ticket(post: Post) -> None:
    await post.register("a", events=EVERYTHING)
    await post.register("b", events=EVERYTHING)
    await post.whole_job()
    await post.job()
    first_of = {row["id"] for row in await post.deliveries() if row["event_type"] == "job.created"}
    assert len(first_of) == 4
    assert {delivery for _, delivery in await post.tickets()} == first_of


def parsed(row: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(row["body"])
    return body


async def test_the_body_is_the_job_and_its_place_in_the_order(post: Post) -> None:
    await post.register(events=["job.created", "job.completed"])
    job = await post.whole_job(metadata={"order": "ж"})
    created, completed = [parsed(row) for row in await post.deliveries()]
    assert list(created) == ["type", "timestamp", "data"]
    assert (created["type"], created["data"]["seq"], created["data"]["prev_seq"]) == ("job.created", 1, None)
    assert (completed["data"]["seq"], completed["data"]["prev_seq"]) == (3, 1)
    data = completed["data"]
    assert (data["id"], data["status"], data["metadata"]) == (str(job.id), "completed", {"order": "ж"})
    assert data["urls"]["self"] == f"https://postgen.example/v1/jobs/{job.id}"
    assert data["truncated"] is False
    assert datetime.fromisoformat(created["timestamp"]).tzinfo is not None


async def test_one_event_has_one_id_at_all_endpoints(post: Post) -> None:
    await post.register("a", events=EVERYTHING)
    await post.register("b", events=EVERYTHING)
    await post.whole_job()
    ids = [row["webhook_id"] for row in await post.deliveries()]
    assert len(ids) == 6
    assert len(set(ids)) == 3
    assert all(each.startswith("msg_") and "." not in each for each in ids)


async def test_a_thin_payload_holds_ids_and_the_status(post: Post) -> None:
    await post.register(payload="thin")
    await post.whole_job()
    [row] = await post.deliveries()
    assert set(parsed(row)["data"]) == {"id", "kind", "status", "parent_id", "root_id", "seq", "prev_seq", "urls"}


@pytest.mark.parametrize(("result", "metadata"), [(100_000, 0), (0, 100_000)])
async def test_what_is_too_large_becomes_a_link(post: Post, result: int, metadata: int) -> None:
    await post.register()
    job = await post.start(await post.job(metadata={"x": "ж" * (metadata // 2)}))
    await post.finish(job, result={"reply": "x" * result})
    [row] = await post.deliveries()
    data = parsed(row)["data"]
    assert len(row["body"]) < 64 * 1024
    assert data["truncated"] is True
    assert data["urls"]["self"].endswith(str(job.id))
    assert data.get("result") is None


async def test_an_endpoint_is_not_deleted_under_what_is_planned_for_it(post: Post) -> None:
    import asyncio

    endpoint = await post.register(events=EVERYTHING)

    async def remove() -> None:
        async with post.database.transaction() as connection:
            await endpoints.remove(connection, ANNA, endpoint.id)

    async with post.database.transaction() as connection:
        await announce(connection, await insert_job(connection), "job.created")
        removing = asyncio.create_task(remove())
        await asyncio.wait([removing], timeout=0.2)
        assert not removing.done()
    await removing
    [row] = await post.deliveries()
    assert (row["status"], row["error"]["code"]) == ("failed", "endpoint_deleted")


@pytest.mark.parametrize("names", [[], ["job.complete"], ["completed"], ["job.*", "jobs.*"]])
def test_a_filter_that_never_matches_is_refused(names: list[str]) -> None:
    with pytest.raises(InvalidInput, match="vent") as refused:
        event_types.checked(names)
    assert refused.value.errors[0]["pointer"] == "/events"


def test_every_event_of_a_job_can_be_asked_for() -> None:
    """Whoever adds one in jobs/db/work/jobs.py adds it to the filters, too."""
    import inspect
    import re

    written = set(re.findall(r'"(job\.[a-z_]+)"', inspect.getsource(job_rows)))
    assert written <= set(event_types.ALL)


async def test_a_registered_secret_is_used_as_it_is(post: Post) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    endpoint = await post.register(secret=secret)
    assert endpoint.secrets == [{"secret": secret, "expires_at": None}]
    with pytest.raises(InvalidInput, match="24 to 64 bytes"):
        await post.register(secret="whsec_AAAA")
    with pytest.raises(InvalidInput, match="https://"):
        await post.register(url="ftp://example.com")
