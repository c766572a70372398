"""A worker process is asked to go, asked twice, or shot."""

import asyncio
import subprocess

import pytest

from sandbox.postgres import EmbeddedPostgres
from tests.faults.workers import Workers, terminate
from tests.jobs import queue_probe
from tests.jobs.queue_probe import make_app, rows, tickets, until


async def defer(url: str, task: str, queue: str = "llm", **arguments: float) -> int:
    return await queue_probe.defer(make_app(url), task, queue, None, **arguments)


async def events(url: str, event: str) -> list[dict[str, int]]:
    return await rows(url, "SELECT ticket, pid FROM probe WHERE event = %s ORDER BY id", event)


async def exit_code(process: "subprocess.Popen[bytes]", seconds: float = 20) -> int:
    return await asyncio.to_thread(process.wait, seconds)


@pytest.mark.slow
async def test_h7_sigterm_gives_back_what_outlives_the_grace_time(url: str, workers: Workers) -> None:
    leaving = workers.probe("llm", PROBE_GRACE="0.3")
    long = await defer(url, "noted", seconds=60)
    short = await defer(url, "noted", seconds=0.4)
    await until(lambda: began(url, 2))
    terminate(leaving)
    assert await exit_code(leaving) == 0
    left = await tickets(url)
    assert left.pop(long) == "todo"
    assert short not in left or left[short] == "todo"
    workers.probe("llm")
    await until(lambda: began(url, 3))


async def began(url: str, times: int) -> bool:
    return len(await events(url, "began")) >= times


async def test_sigterm_lets_a_running_ticket_end(url: str, workers: Workers) -> None:
    leaving = workers.probe("llm", PROBE_GRACE="20")
    await defer(url, "noted", seconds=0.5)
    await until(lambda: began(url, 1))
    terminate(leaving)
    assert await exit_code(leaving) == 0
    assert len(await events(url, "ended")) == 1
    assert await tickets(url) == {}


async def test_a_second_sigterm_cuts_the_grace_time_short(url: str, workers: Workers) -> None:
    leaving = workers.probe("llm", PROBE_GRACE="100")
    ticket = await defer(url, "noted", seconds=60)
    await until(lambda: began(url, 1))
    terminate(leaving)
    await asyncio.sleep(0.2)
    assert leaving.poll() is None
    terminate(leaving)
    assert await exit_code(leaving) == 0
    assert await tickets(url) == {ticket: "todo"}


async def killed_tickets_run_elsewhere(url: str, workers: Workers, stalled: str, seconds: float) -> None:
    first = workers.probe("llm,housekeeping", PROBE_STALLED=stalled)
    ticket = await defer(url, "noted", seconds=60)
    await until(lambda: began(url, 1))
    second = workers.probe("llm,housekeeping", PROBE_STALLED=stalled)
    first.kill()
    await until(lambda: began(url, 2), seconds)
    assert [row["pid"] for row in await events(url, "began")] == [first.pid, second.pid]
    assert (await tickets(url))[ticket] == "doing"


async def test_h9_the_tickets_of_a_killed_worker_run_elsewhere(url: str, workers: Workers) -> None:
    await killed_tickets_run_elsewhere(url, workers, stalled="1.5", seconds=15)


@pytest.mark.slow
async def test_h9_the_tickets_of_a_killed_worker_run_elsewhere_within_45_seconds(url: str, workers: Workers) -> None:
    await killed_tickets_run_elsewhere(url, workers, stalled="30", seconds=45)


@pytest.mark.slow
async def test_an_unknown_task_waits_for_a_newer_worker(url: str, workers: Workers) -> None:
    """The worker of production does not know the probe's task: as an old one in a rolling deployment."""
    ticket = await defer(url, "noted", "housekeeping")
    old = workers.real("housekeeping")
    await until(lambda: was_put_off(url, ticket), 20)
    terminate(old)
    assert await exit_code(old) == 0
    assert (await tickets(url))[ticket] == "todo"
    await rows(url, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
    workers.probe("housekeeping")
    await until(lambda: ended(url, ticket))


async def was_put_off(url: str, ticket: int) -> bool:
    found = await rows(url, "SELECT attempts FROM procrastinate_jobs WHERE id = %s AND status = 'todo'", ticket)
    return bool(found and found[0]["attempts"])


async def ended(url: str, ticket: int) -> bool:
    return ticket in {row["ticket"] for row in await events(url, "ended")}


@pytest.mark.slow
async def test_sigterm_stops_a_worker_whose_database_is_away(
    url: str, workers: Workers, server: EmbeddedPostgres
) -> None:
    leaving = workers.probe("llm", PROBE_GRACE="0.3")
    await defer(url, "noted", seconds=60)
    await until(lambda: began(url, 1))
    await asyncio.to_thread(server.stop)
    try:
        terminate(leaving)
        assert await exit_code(leaving) == 0
    finally:
        await asyncio.to_thread(server.start)
