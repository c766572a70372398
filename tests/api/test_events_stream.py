"""The event log as a stream, over a real server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jobs.db.session import Database
from tests.api.live_api import LONG, LiveApi, Told, live_api, stream
from tests.api.opened_api import ANNA, BORIS
from tests.factories import execute
from tests.jobs.events.writers import add_job, new_job, progress, run_to_end
from tests.jobs.queue_probe import until


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[LiveApi]:
    async with live_api(database_url) as live:
        yield live


def brief(told: list[Told]) -> list[tuple[str, str]]:
    return [(each.type, each.id) for each in told]


async def test_a_stream_begins_with_the_job_as_it_is_and_ends_with_the_job(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    async with stream(api.anna, f"/v1/jobs/{job.id}/events") as events:
        snapshot = await events.next()
        await run_to_end(api.database, job.id)
        rest = await events.rest()
    assert (snapshot.type, snapshot.id, snapshot.data["status"]) == ("snapshot", "1", "pending")
    assert brief(rest) == [("job.started", "2"), ("job.completed", "3")]
    assert rest[-1].data["job"]["result"] == {"text": "Hello"}
    assert rest[-1].data["job"]["seq"] == 3


@pytest.mark.parametrize("status", ["completed", "failed", "expired"])
async def test_a_job_that_has_ended_is_told_and_the_stream_ends(api: LiveApi, status: str) -> None:
    job = await new_job(api.database, owner=ANNA)
    await run_to_end(api.database, job.id, status)
    async with stream(api.anna, f"/v1/jobs/{job.id}/events") as events:
        [snapshot] = await events.rest()
    assert snapshot.data["status"] == status


async def test_a_late_reader_may_have_it_all(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    await run_to_end(api.database, job.id)
    async with stream(api.anna, f"/v1/jobs/{job.id}/events?after=0") as events:
        told = await events.rest()
    assert brief(told) == [("snapshot", ""), ("job.created", "1"), ("job.started", "2"), ("job.completed", "3")]


async def test_a_reader_that_lost_its_line_misses_nothing_and_gets_nothing_twice(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    path, seen, place = f"/v1/jobs/{job.id}/events", [], ""
    for _ in range(4):
        async with stream(api.anna, path, last=place) as events:
            await events.next()
            await progress(api.database, job.id)
            seen.append((await events.next()).data["seq"])
            place = events.place
        await progress(api.database, job.id)
    await run_to_end(api.database, job.id)
    async with stream(api.anna, path, last=place) as events:
        seen += [each.data["seq"] for each in (await events.rest())[1:]]
    # each time that it came back it read one event that had happened while it was away
    assert seen == list(range(2, 2 + len(seen)))
    assert seen[-1] == 11


async def test_a_browser_that_comes_back_after_the_end_is_told_to_stop(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    await run_to_end(api.database, job.id)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "3"}
    response = await api.anna.get(f"/v1/jobs/{job.id}/events", headers=headers)
    assert (response.status_code, response.content) == (204, b"")


async def test_a_job_that_ends_outside_the_filter_ends_the_stream(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    async with stream(api.anna, f"/v1/jobs/{job.id}/events?types=job.progress&previews=false&jobs=false") as events:
        await events.next()
        await progress(api.database, job.id, done=1, preview="data:")
        await run_to_end(api.database, job.id)
        [only] = await events.rest()
    assert (only.type, only.data["data"], "job" in only.data) == ("job.progress", {"done": 1}, False)


async def test_the_account_s_stream_tells_of_all_jobs_and_goes_on(api: LiveApi) -> None:
    known = await new_job(api.database, owner=ANNA)
    async with stream(api.anna, "/v1/events") as events:
        snapshot = await events.next()
        await new_job(api.database, owner=BORIS)
        await run_to_end(api.database, known.id)
        other = await new_job(api.database, owner=ANNA)
        told = await events.take(3)
    assert [each["id"] for each in snapshot.data["jobs"]] == [str(known.id)]
    assert (snapshot.data["cursor"], snapshot.data["has_more"]) == (snapshot.id, False)
    assert [(each.data["job_id"], each.data["seq"]) for each in told] == [
        (str(known.id), 2), (str(known.id), 3), (str(other.id), 1),
    ]  # fmt: skip
    assert told[1].data["job"]["status"] == "completed"


async def test_the_account_s_stream_goes_on_where_it_was_left(api: LiveApi) -> None:
    async with stream(api.anna, "/v1/events") as events:
        await events.next()
        jobs = [await new_job(api.database, owner=ANNA)]
        await events.next()
        place = events.place
    jobs += [await new_job(api.database, owner=ANNA) for _ in range(120)]
    async with stream(api.anna, "/v1/events", last=place) as events:
        snapshot = await events.next()
        told = await events.take(120)
    assert (snapshot.id, snapshot.data["cursor"]) == (place, place)
    assert (len(snapshot.data["jobs"]), snapshot.data["has_more"]) == (100, True)
    assert [each.data["job_id"] for each in told] == [str(job.id) for job in jobs[1:]]


async def test_an_event_that_an_older_transaction_hides_arrives_when_that_has_ended(api: LiveApi) -> None:
    """Nobody rings for it: the older transaction wrote nothing of this account."""
    async with stream(api.anna, "/v1/events") as events, api.database.engine.connect() as older:
        await events.next()
        await add_job(older, owner=BORIS)
        job = await new_job(api.database, owner=ANNA)
        pending = asyncio.create_task(events.next())
        done, _ = await asyncio.wait([pending], timeout=0.3)
        assert not done, "an event was shown while an older transaction could still put one before it"
        await older.rollback()
        assert (await pending).data["job_id"] == str(job.id)


async def test_a_quiet_stream_pings(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    api.hurry(ping=0.05)
    for path in (f"/v1/jobs/{job.id}/events", "/v1/events"):
        async with stream(api.anna, path) as events:
            await events.next()
            await events.ping()


async def test_a_stream_outlives_a_database_that_throws_everybody_out(api: LiveApi, database: Database) -> None:
    job = await new_job(api.database, owner=ANNA)
    async with stream(api.anna, f"/v1/jobs/{job.id}/events") as one, stream(api.anna, "/v1/events") as account:
        await one.next()
        await account.next()
        await until(lambda: api.app.state.hub.listening)
        await execute(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()",
        )
        await run_to_end(database, job.id)
        assert brief(await one.rest()) == [("job.started", "2"), ("job.completed", "3")]
        assert [each.type for each in await account.take(2)] == ["job.started", "job.completed"]


async def test_a_key_that_was_revoked_hears_no_more(api: LiveApi) -> None:
    api.hurry(key_check=0)
    async with stream(api.anna, "/v1/events") as events:
        await events.next()
        await execute(api.database, f"UPDATE api_keys SET revoked_at = now() WHERE owner = '{ANNA}'")
        await new_job(api.database, owner=ANNA)
        assert await events.rest() == []


async def test_one_key_has_so_many_streams_and_no_more(api: LiveApi) -> None:
    api.app.state.streams.per_key = 2
    job = await new_job(api.database, owner=ANNA)
    accept = {"Accept": "text/event-stream"}
    async with stream(api.anna, "/v1/events") as one, stream(api.anna, f"/v1/jobs/{job.id}/events") as two:
        await one.next()
        await two.next()
        refused = await api.anna.get("/v1/events", headers=accept)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert refused.headers["retry-after"] == "5"
        assert (await api.anna.get("/v1/events")).status_code == 200
        async with stream(api.boris, "/v1/events") as other:
            await other.next()
    await until(lambda: not api.app.state.streams.by_key)
    async with stream(api.anna, "/v1/events") as again:
        await again.next()


async def test_a_client_that_does_not_read_holds_up_nobody(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    lazy = await asyncio.open_connection(*api.url.removeprefix("http://").split(":"))
    key = api.anna.headers["authorization"]
    lazy[1].write(
        f"GET /v1/jobs/{job.id}/events?after=0 HTTP/1.1\r\nHost: api\r\nAuthorization: {key}\r\n"
        "Accept: text/event-stream\r\n\r\n".encode()
    )
    async with stream(api.anna, f"/v1/jobs/{job.id}/events") as events:
        await events.next()
        for _ in range(40):
            await progress(api.database, job.id, preview="x" * 200_000)
            assert (await events.next()).type == "job.progress"
    lazy[1].close()
    await until(lambda: not api.app.state.streams.by_key, LONG)


async def test_a_stream_is_left_alone_by_those_who_store_and_collect(api: LiveApi) -> None:
    async with stream(api.anna, "/v1/events") as events:
        assert events.response.headers["cache-control"] == "no-store"
        assert events.response.headers["x-accel-buffering"] == "no"
        await events.next()
        assert events.parser.retry_ms == 1000


async def test_whoever_leaves_is_forgotten(api: LiveApi) -> None:
    job = await new_job(api.database, owner=ANNA)
    async with stream(api.anna, f"/v1/jobs/{job.id}/events") as events:
        await events.next()
        assert api.app.state.hub._bells
    await until(lambda: not api.app.state.hub._bells)
    assert not api.app.state.streams.by_key
