"""How many tickets of a queue run at a time in all workers together, where that is limited."""

import asyncio

import pytest

from jobs.engine import fetch
from jobs.queues import SERVED_WITH
from jobs.worker import app
from tests.jobs.queue_probe import defer, make_app, rows, until
from tests.jobs.test_engine_fetch import WORKER

LIMIT = 7
DOING = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing' AND queue_name = 'world'"


async def test_workers_that_fetch_at_once_never_take_more_than_the_limit_together(database_url: str) -> None:
    apps = [make_app(database_url) for _ in range(4)]
    ids = [(await rows(database_url, WORKER))[0]["id"] for _ in apps]
    for queue in ["world"] * 30 + ["llm"] * 3:
        await defer(apps[0], "quick", queue)
    statement = fetch.statement({"world": 4, "llm": 1}, {"world": LIMIT})

    async def look(index: int) -> list[str]:
        async with apps[index].open_async():
            found = await asyncio.gather(
                *(apps[index].queue_connector.run(statement, worker_id=ids[index]) for _ in range(3))
            )
        return [row["queue_name"] for each in found for row in each]

    taken = [queue for each in await asyncio.gather(*(look(index) for index in range(4))) for queue in each]
    assert (taken.count("world"), taken.count("llm")) == (LIMIT, 3)
    [held] = await rows(database_url, DOING)
    assert held["count"] == LIMIT
    assert await look(0) == [], "there is no room"
    await rows(
        database_url,
        "DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM procrastinate_jobs WHERE status = 'doing'"
        " AND queue_name = 'world' LIMIT 2)",
    )
    assert await look(1) == ["world"] * 2, "of those that others have run to their end"


def test_the_steps_of_worlds_have_the_limit_that_the_operator_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert app.limits() == {"world": 100}
    monkeypatch.setenv("MAX_CONCURRENT_TASKS", "7")
    assert app.limits() == {"world": 7}


async def test_a_document_waited_until_the_model_had_thought_about_another_one(database_url: str) -> None:
    probe = make_app(database_url, shutdown_graceful_timeout=0.1)
    probe.served_with = SERVED_WITH
    async with probe.open_async():
        thinking = await defer(probe, "slow", "analysis", seconds=60.0)
        life = asyncio.create_task(probe.run_worker_async(queues=["analysis"], concurrency=1))
        await until(lambda: thinking in probe.diary.of("began"))
        document = await defer(probe, "quick", "documents")
        await until(lambda: document in probe.diary.of("ran"))
        assert thinking not in probe.diary.of("ended")
        life.cancel()
        await asyncio.wait({life}, timeout=20)
    assert life.done()
