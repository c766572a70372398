"""Which tickets does a worker take, how many, how, and how soon?"""

import asyncio
from typing import Any

import pytest

from jobs.connections import Patience
from jobs.connector import QueueConnector
from jobs.engine import fetch
from jobs.engine.admission import Admission
from tests.jobs.queue_probe import ProbeApp, defer, listening, make_app, rows, running, tickets, until

WORKER = "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"
NEVER_LOOK = 60.0


@pytest.fixture
def app(database_url: str) -> ProbeApp:
    return make_app(database_url, patience=Patience(pause=0.2))


async def take(app: ProbeApp, wanted: dict[str | None, int]) -> list[int]:
    [worker] = await rows(app.diary.url, WORKER)
    async with app.open_async():
        return [row["id"] for row in await app.queue_connector.run(fetch.statement(wanted), worker_id=worker["id"])]


async def test_one_fetch_takes_no_more_than_it_was_asked_for(app: ProbeApp) -> None:
    for queue in ("llm", "llm", "llm", "telegram", "telegram", "image"):
        await defer(app, "quick", queue)
    assert len(await take(app, {"llm": 2, "telegram": 1, "world": 4})) == 3
    held = await rows(
        app.diary.url,
        "SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'doing' GROUP BY 1 ORDER BY 1",
    )
    assert held == [{"queue_name": "llm", "count": 2}, {"queue_name": "telegram", "count": 1}]


async def test_a_fetch_from_all_queues_takes_by_priority_and_age(app: ProbeApp) -> None:
    first, second = await defer(app, "quick", "llm"), await defer(app, "quick", "anything else")
    await defer(app, "quick", "llm")
    await rows(app.diary.url, "UPDATE procrastinate_jobs SET priority = 5 WHERE id = %s", second)
    assert sorted(await take(app, {None: 2})) == [first, second]


async def test_a_queue_may_have_any_name(app: ProbeApp) -> None:
    name = """it's 100% "odd" \\ {0} %(worker_id)s"""
    ticket = await defer(app, "quick", name)
    assert await take(app, {name: 1}) == [ticket]


async def test_tickets_of_one_lock_are_taken_one_at_a_time_and_in_order_across_queues(app: ProbeApp) -> None:
    first = await defer(app, "quick", "llm", lock="chat:1")
    second = await defer(app, "quick", "telegram", lock="chat:1")
    await defer(app, "quick", "llm", lock="chat:1")
    assert await take(app, {"llm": 4, "telegram": 4}) == [first]
    assert await take(app, {"llm": 4, "telegram": 4}) == []
    await rows(app.diary.url, "DELETE FROM procrastinate_jobs WHERE id = %s", first)
    assert await take(app, {"llm": 4, "telegram": 4}) == [second]


async def test_a_ticket_waits_for_its_time(app: ProbeApp) -> None:
    ticket = await defer(app, "quick")
    await rows(app.diary.url, "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'")
    assert await take(app, {"llm": 1}) == []
    await rows(app.diary.url, "UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 second'")
    assert await take(app, {"llm": 1}) == [ticket]


INSERT = "INSERT INTO procrastinate_jobs (queue_name, task_name, lock) SELECT %s, 'quick', 'l' || n FROM"


@pytest.mark.parametrize("before", ["empty", "short", "ended"])
async def test_each_queue_is_read_through_its_own_index_however_the_queues_grow(app: ProbeApp, before: str) -> None:
    """A plan is made for the queues as they are, and then they fill within a moment: no statistics tell of that yet."""
    statement = fetch.statement({"gpu-0": 1, "llm": 1, "telegram": 2}).replace("%(worker_id)s", "$1::bigint")
    url = app.diary.url
    [worker] = await rows(url, WORKER)
    if before != "empty":
        await rows(url, f"{INSERT} generate_series(1, 3) AS n", "llm")
        await rows(url, f"{INSERT} generate_series(1, 3000) AS n", "analysis")
    if before == "ended":
        await rows(url, "UPDATE procrastinate_jobs SET status = 'failed'")
    await rows(url, "ANALYZE procrastinate_jobs")
    async with app.open_async():
        connections = app.queue_connector.connections
        assert connections
        async with connections.borrow() as connection:
            await connection.execute(f"PREPARE probe AS {statement}".encode())
            for _ in range(8):
                await connection.execute(f"EXECUTE probe ({worker['id']})".encode())
        await rows(url, f"{INSERT} generate_series(4001, 9000) AS n", "llm")
        await rows(url, f"{INSERT} generate_series(10001, 20000) AS n", "analysis")
        await defer(app, "quick", "telegram")
        async with connections.borrow() as connection:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE probe ({worker['id']})"
            row = await (await connection.execute(explain.encode())).fetchone()
    assert row
    plan = list(nodes(row[0][0]["Plan"]))
    assert not [node for node in plan if node["Node Type"] in ("Seq Scan", "Sort", "Hash")]
    scans = [node for node in plan if "Index Name" in node]
    taken = [scan for scan in scans if scan["Alias"].startswith("ticket")]
    assert {scan["Index Name"] for scan in taken} == {
        "postgen_fetch_gpu-0", "postgen_fetch_llm", "postgen_fetch_telegram",
    }  # fmt: skip
    assert sum(scan["Actual Rows"] for scan in taken) == 2
    others = [scan for scan in scans if scan["Alias"].startswith("other") and scan["Actual Loops"]]
    allowed = {"postgen_locks"}
    assert {scan["Index Name"] for scan in others} <= allowed


def nodes(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", []):
        yield from nodes(child)


def test_a_full_queue_is_left_out_and_a_yielding_one_is_asked_for_more() -> None:
    admission = Admission({"gpu-0": 2, "llm": 10})
    assert admission.wanted() == {"gpu-0": 2, "llm": 2}
    assert not admission.fetched({"gpu-0": 2, "llm": 2}, ["gpu-0", "llm"]), "fewer than asked for are all"
    assert admission.wanted() == {"gpu-0": 1, "llm": 2}
    assert admission.fetched({"gpu-0": 1, "llm": 2}, ["gpu-0", "llm", "llm"]), "as many as asked for may not be"
    assert admission.wanted() == {"llm": 4}
    assert not admission.fetched({"llm": 4}, ["llm"])
    assert admission.wanted() == {"llm": 2}
    assert admission.leave("gpu-0"), "it had been full"
    assert not admission.leave("llm")
    assert admission.wanted() == {"gpu-0": 1, "llm": 2}


async def test_a_lane_runs_two_at_a_time_and_a_full_one_stops_no_other_queue(app: ProbeApp) -> None:
    lane = [await defer(app, "slow", "gpu-0", seconds=30) for _ in range(3)]
    async with running(app, ["gpu-0", "llm"], shutdown_graceful_timeout=0.0):
        await until(lambda: len(app.diary.of("began")) == 2)
        for _ in range(20):
            await defer(app, "quick", "llm")
        await until(lambda: len(app.diary.of("ran")) == 20)
        assert sorted(app.diary.of("began")) == lane[:2]
        assert (await tickets(app.diary.url))[lane[2]] == "todo"


async def test_a_busy_queue_keeps_no_other_from_starting(app: ProbeApp) -> None:
    for _ in range(12):
        await defer(app, "slow", "llm", seconds=30)
    async with running(app, ["llm", "telegram"], shutdown_graceful_timeout=0.0):
        await until(lambda: len(app.diary.of("began")) == 10)
        await defer(app, "quick", "telegram")
        await until(lambda: app.diary.of("ran"))
        assert len(app.diary.of("began")) == 10


async def test_without_queues_all_are_served_within_the_concurrency(app: ProbeApp) -> None:
    for number in range(4):
        await defer(app, "slow", f"queue-{number}", seconds=30)
    async with running(app, None, concurrency=3, shutdown_graceful_timeout=0.0):
        await until(lambda: len(app.diary.of("began")) == 3)
        await asyncio.sleep(0.1)
        assert len(app.diary.of("began")) == 3


async def test_a_one_shot_worker_ends_when_nothing_is_left(app: ProbeApp) -> None:
    for number in range(30):
        await defer(app, "quick", "llm", lock=f"chat:{number % 3}")
    await defer(app, "slow", "llm", seconds=0.2)
    async with app.open_async():
        await asyncio.wait_for(app.run_worker_async(queues=["llm"], wait=False), 20)
    assert len(app.diary.of("ran")) == 30
    assert app.diary.of("ended")
    assert await tickets(app.diary.url) == {}


async def test_a_commit_starts_an_idle_worker_without_its_fallback_look(app: ProbeApp) -> None:
    async with running(app, ["llm", "gpu-0"], fetch_job_polling_interval=NEVER_LOOK):
        await until(lambda: listening(app.diary.url))
        for count in range(1, 6):
            await defer(app, "quick", "llm")
            await until(lambda count=count: len(app.diary.of("ran")) == count)


class InsertsDuringFetch(QueueConnector):
    """A ticket is announced while a fetch is on its way that no longer sees it."""

    url: str
    announced = False

    async def run(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        found = await super().run(query, **arguments)
        if "candidate" in query and not self.announced:
            self.announced = True
            await until(lambda: listening(self.url))
            await rows(self.url, "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('llm', 'quick')")
            await asyncio.sleep(0.2)
        return found


async def test_h6_a_wake_up_during_a_fetch_is_not_lost(database_url: str) -> None:
    app = make_app(database_url, fetch_job_polling_interval=NEVER_LOOK)
    connector = InsertsDuringFetch(app.queue_connector.settings, patience=app.queue_connector.patience)
    connector.url = database_url
    app.queue_connector = app.connector = app.job_manager.connector = connector
    async with running(app, ["llm"]):
        await until(lambda: app.diary.of("ran"))


async def test_the_next_ticket_of_a_lock_starts_when_the_last_one_ends(app: ProbeApp) -> None:
    """Across queues and so across workers: procrastinate announces new tickets only, never a freed lock."""
    other = make_app(app.diary.url)
    async with (
        running(app, ["llm"], fetch_job_polling_interval=NEVER_LOOK),
        running(other, ["telegram"], fetch_job_polling_interval=NEVER_LOOK),
    ):
        await until(lambda: listening(app.diary.url))
        await defer(app, "slow", "llm", lock="chat:1", seconds=0.3)
        await until(lambda: app.diary.of("began"))
        await defer(app, "quick", "telegram", lock="chat:1")
        await asyncio.sleep(0.1)
        assert not other.diary.of("ran")
        await until(lambda: other.diary.of("ran"))
        assert app.diary.of("ended")
