"""Tickets that come in bursts: a wake-up that is lost makes one wait for the fallback look."""

import asyncio
import time

import psycopg
import pytest

from tests.jobs.queue_probe import listening, make_app, running, until

INSERT = "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('llm', 'quick') RETURNING id"


async def burst(url: str, bursts: int) -> float:
    """Bursts of three within 12 ms; the longest wait for a start, in seconds. The fallback look never comes."""
    app = make_app(url, fetch_job_polling_interval=300.0, update_heartbeat_interval=60.0)
    committed: dict[int, float] = {}
    async with (
        running(app, ["llm"]),
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        await until(lambda: listening(url))
        for number in range(bursts):
            for _ in range(3):
                row = await (await connection.execute(INSERT)).fetchone()
                assert row
                committed[row[0]] = time.perf_counter()
                await asyncio.sleep(0.004)
            await until(lambda number=number: len(app.diary.events) == 3 * (number + 1))
    assert sorted(ticket for ticket, _ in app.diary.events) == sorted(committed)
    started = {ticket: at for (ticket, _), at in zip(app.diary.events, app.diary.times, strict=True)}
    return max(started[ticket] - committed[ticket] for ticket in committed)


async def test_h6_no_ticket_of_a_burst_waits_for_the_fallback_look(url: str) -> None:
    await burst(url, 60)


@pytest.mark.slow
async def test_h6_none_of_1800_tickets_waits_for_the_fallback_look(url: str) -> None:
    print(f"\nlongest wait for a start: {await burst(url, 600) * 1000:.0f} ms")
