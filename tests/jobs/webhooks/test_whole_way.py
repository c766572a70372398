"""From a finished job to its receiver through true worker processes, and through the death of one."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from jobs.db.session import Database
from jobs.housekeeping import sweep_stalled
from jobs.lifecycle import run_job
from tests.factories import execute, rows, submit, value, worker
from tests.faults.workers import Workers, terminate
from tests.jobs.queue_probe import until
from tests.jobs.webhooks.post import ANNA, EVERYTHING, Post

Start = Callable[[], Any]


@pytest.fixture
def workers(database_url: str) -> Iterator[Workers]:
    started = Workers(database_url)
    yield started
    started.kill_all()


@pytest.fixture
async def start(workers: Workers, database: Database) -> AsyncIterator[Start]:
    def start() -> Any:
        return workers.real("webhooks", WEBHOOK_ALLOW_PRIVATE="true", WORKER_SHUTDOWN_GRACE="5")

    yield start
    # it is gone before its receiver and its database are
    for process in workers.processes:
        if process.poll() is None:
            terminate(process)
            await asyncio.to_thread(process.wait, 20)


async def all_sent(post: Post) -> bool:
    return set(await post.statuses()) == {"sent"}


async def test_a_finished_job_calls_back(post: Post, database: Database, start: Start) -> None:
    start()
    endpoint = await post.register(events=["job.created", "job.completed", "job.failed"])
    post.receiver.secrets = [endpoint.secrets[0]["secret"]]
    # nothing answers at its model's address: the job ends, in words
    async with worker(database, llm="http://127.0.0.1:9") as resources:
        resources = dataclasses.replace(resources, result_ttl=3600)
        given = {"system_prompt": "You are kind.", "user_message": "hello"}
        job = await submit(resources, "generate_reply", given, owner=ANNA)
        await execute(database, f"UPDATE jobs SET failures = 100 WHERE id = '{job.id}'")
        await run_job(resources, job.id)
    created, failed = await post.receiver.wait_for(2)
    assert [each.event["type"] for each in (created, failed)] == ["job.created", "job.failed"]
    assert [each.verified for each in (created, failed)] == ["v1", "v1"]
    assert failed.event["data"]["id"] == str(job.id)
    assert failed.event["data"]["error"]["detail"]
    await until(lambda: all_sent(post), 20)


async def test_a_worker_that_dies_while_it_sends_loses_nothing(
    post: Post, database: Database, workers: Workers, start: Start
) -> None:
    endpoint = await post.register(events=EVERYTHING)
    post.receiver.do = "hang"
    first = start()
    await post.whole_job()
    [cut_off] = await post.receiver.wait_for(1)
    first.kill()
    await asyncio.to_thread(first.wait)
    post.receiver.do = "accept"
    # as if it had been silent, and its attempt begun, long ago
    await execute(
        database, "UPDATE deliveries SET sending_at = sending_at - interval '1 hour' WHERE status = 'sending'"
    )
    assert await sweep_stalled(database, seconds=0) == 1
    start()
    received = await post.receiver.wait_for(4)
    assert [each.event["type"] for each in received] == ["job.created", "job.created", "job.started", "job.completed"]
    assert (cut_off.webhook_id, cut_off.body) == (received[1].webhook_id, received[1].body)
    await until(lambda: all_sent(post), 20)
    outcomes = await rows(database, "SELECT number, outcome FROM delivery_attempts ORDER BY delivery_id, number")
    assert [(row["number"], row["outcome"]) for row in outcomes] == [
        (1, "unknown"),
        (2, "sent"),
        (1, "sent"),
        (1, "sent"),
    ]
    assert (await post.endpoint(endpoint))["failures"] == 0


async def test_half_of_the_receivers_hang_and_the_others_hear_everything(
    post: Post, database: Database, start: Start
) -> None:
    start()
    for number in range(20):
        await post.register(f"{'hang' if number % 2 else 'fine'}/{number}", owner=f"account:{number}")
    post.receiver.hang_at = "/hang"
    for number in range(20):
        for _ in range(3):
            await post.whole_job(owner=f"account:{number}")
    fine = "SELECT count(*) FROM deliveries WHERE destination LIKE '%/fine/%' AND status = 'sent'"

    async def arrived() -> bool:
        return bool(await value(database, fine) == 30)

    await until(arrived, 60)
    hanging = "SELECT count(*) FROM deliveries WHERE destination LIKE '%/hang/%' AND status = 'sending'"
    assert await value(database, hanging) <= 20
    post.receiver.release()
