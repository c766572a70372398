"""What becomes of a ticket, however its run ends?"""

import asyncio
from typing import Any

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from jobs.connections import Patience
from jobs.connector import QueueConnector
from jobs.engine import outcome, statements
from jobs.engine.outcome import Outcome
from tests.faults.relay import relay_to
from tests.jobs.queue_probe import ProbeApp, defer, listening, make_app, rows, running, tickets, until

CANCEL = "SELECT procrastinate_cancel_job_v1(%s, true, true)"
TICKET = "SELECT status::text, worker_id, attempts, scheduled_at > now() AS waits FROM procrastinate_jobs WHERE id = %s"


@pytest.fixture
def app(database_url: str) -> ProbeApp:
    return make_app(database_url)


async def test_a_ticket_that_ran_is_gone(app: ProbeApp) -> None:
    await defer(app, "quick")
    async with running(app, ["llm"]):
        await until(lambda: app.diary.of("ran"))
    assert await tickets(app.diary.url) == {}
    assert await rows(app.diary.url, "SELECT * FROM procrastinate_workers") == []


async def test_a_ticket_is_kept_on_demand(app: ProbeApp) -> None:
    ticket = await defer(app, "quick")
    async with app.open_async():
        await app.run_worker_async(queues=["llm"], wait=False, delete_jobs="never")
    assert await tickets(app.diary.url) == {ticket: "succeeded"}


async def test_an_unknown_task_waits_for_a_worker_that_knows_it(app: ProbeApp) -> None:
    ticket = await defer(app, "of-a-newer-release")
    await defer(app, "quick")
    async with running(app, ["llm"]):
        await until(lambda: app.diary.of("ran"))
        await until(lambda: is_waiting(app, ticket))
    [row] = await rows(app.diary.url, TICKET, ticket)
    assert row == {"status": "todo", "worker_id": None, "attempts": 1, "waits": True}


async def is_waiting(app: ProbeApp, ticket: int) -> bool:
    [row] = await rows(app.diary.url, TICKET, ticket)
    return bool(row["waits"])


async def test_trouble_with_the_infrastructure_is_tried_again_until_it_is_over(app: ProbeApp) -> None:
    ticket = await defer(app, "flaky", times=2)
    async with running(app, ["llm"], fetch_job_polling_interval=0.05):
        await until(lambda: len(app.diary.of("tried")) == 3)
    assert ticket not in await tickets(app.diary.url)


async def test_who_asks_for_a_time_gets_it(app: ProbeApp) -> None:
    ticket = await defer(app, "flaky", times=1, error="temporary", retry_in=1000.0)
    async with running(app, ["llm"]):
        await until(lambda: app.diary.of("tried"))
        await until(lambda: is_waiting(app, ticket))
    [row] = await rows(
        app.diary.url, "SELECT extract(epoch FROM scheduled_at - now())::float AS wait FROM procrastinate_jobs"
    )
    assert 900 < row["wait"] <= 1000


def test_waits_grow_with_jitter_up_to_a_minute() -> None:
    waits = [[outcome.backoff(attempts) for _ in range(50)] for attempts in (0, 3, 50)]
    assert [max(several) <= limit for several, limit in zip(waits, (0.5, 4, 60), strict=True)] == [True] * 3
    assert [min(several) >= limit for several, limit in zip(waits, (0.25, 2, 30), strict=True)] == [True] * 3
    assert len(set(waits[2])) > 1


async def test_h8_a_cancelled_run_that_ends_by_itself_is_done(app: ProbeApp) -> None:
    ticket = await defer(app, "obedient")
    async with running(app, ["llm"], update_heartbeat_interval=60.0):
        await until(lambda: app.diary.of("began"))
        await until(lambda: listening(app.diary.url))
        await rows(app.diary.url, CANCEL, ticket)
        await until(lambda: app.diary.of("cancelled"))
        await until(lambda: is_gone(app, ticket))


async def is_gone(app: ProbeApp, ticket: int) -> bool:
    return ticket not in await tickets(app.diary.url)


async def test_h8_a_run_cancelled_before_it_could_look_gets_its_ticket_again(app: ProbeApp) -> None:
    ticket = await defer(app, "slow", seconds=0.5)
    async with running(app, ["llm"]):
        await until(lambda: app.diary.of("began"))
        await until(lambda: listening(app.diary.url))
        await rows(app.diary.url, CANCEL, ticket)
        await until(lambda: is_gone(app, ticket))
    assert [event for _, event in app.diary.events] == ["began", "cancelled", "began", "ended"]


async def test_h4_a_cancellation_that_nobody_heard_is_found_by_looking(app: ProbeApp) -> None:
    ticket = await defer(app, "obedient")
    async with running(app, ["llm"], listen_notify=False):
        await until(lambda: app.diary.of("began"))
        await rows(app.diary.url, CANCEL, ticket)
        await until(lambda: app.diary.of("cancelled"))


class LosesOneAnswer(QueueConnector):
    lost = False

    async def run(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        found = await super().run(query, **arguments)
        if "candidate" in query and found and not self.lost:
            self.lost = True
            raise ConnectorException from psycopg.OperationalError("the answer is lost")
        return found


def with_connector(app: ProbeApp, kind: type[QueueConnector]) -> ProbeApp:
    connector = kind(app.queue_connector.settings, patience=app.queue_connector.patience)
    app.queue_connector = app.connector = app.job_manager.connector = connector
    return app


class AnswersLate(QueueConnector):
    """The database has given the ticket back, and says so after this worker has fetched it again."""

    async def insist(self, query: str, within: float | None = None, **arguments: Any) -> list[dict[str, Any]]:
        found = await super().insist(query, within, **arguments)
        if query == statements.GIVE_BACK:
            await asyncio.sleep(0.2)
        return found


async def test_a_ticket_that_was_fetched_again_before_its_giving_back_was_confirmed_ran_twice(app: ProbeApp) -> None:
    ticket = await defer(app, "slow", seconds=1.0)
    async with running(with_connector(app, AnswersLate), ["llm"]):
        await until(lambda: app.diary.of("began"))
        await until(lambda: listening(app.diary.url))
        await rows(app.diary.url, CANCEL, ticket)
        await until(lambda: is_gone(app, ticket))
    assert [event for _, event in app.diary.events] == ["began", "cancelled", "began", "ended"]


async def test_h5_a_ticket_whose_fetch_was_never_answered_is_given_back(app: ProbeApp) -> None:
    await defer(app, "quick")
    async with running(with_connector(app, LosesOneAnswer), ["llm"]):
        await until(lambda: app.diary.of("ran"))
    assert await tickets(app.diary.url) == {}


class LosesOneEnd(QueueConnector):
    """The end of a ticket is written, and the answer lost."""

    lost = False

    async def run(self, query: str, **arguments: Any) -> list[dict[str, Any]]:
        found = await super().run(query, **arguments)
        if "DELETE FROM procrastinate_jobs" in query and not self.lost:
            self.lost = True
            raise ConnectorException from psycopg.OperationalError("the answer is lost")
        return found


async def test_h5_an_end_that_was_written_but_never_confirmed_is_written_twice_without_harm(app: ProbeApp) -> None:
    await defer(app, "quick")
    async with running(with_connector(app, LosesOneEnd), ["llm"]):
        await until(lambda: app.diary.of("ran"))
        await defer(app, "quick")
        await until(lambda: len(app.diary.of("ran")) == 2)
    assert await tickets(app.diary.url) == {}


class RefusesEnds(QueueConnector):
    """A few ends cannot be written, for a reason that trying again does not help against."""

    refused = 0

    async def insist(self, query: str, within: float | None = None, **arguments: Any) -> list[dict[str, Any]]:
        if "DELETE FROM procrastinate_jobs" in query and self.refused < 1:
            self.refused += 1
            raise ConnectorException from psycopg.ProgrammingError("no")
        return await super().insist(query, within, **arguments)


async def test_h5_a_ticket_whose_end_was_not_written_runs_again_and_blocks_no_lock(app: ProbeApp) -> None:
    await defer(app, "quick", lock="chat:1")
    await defer(app, "quick", lock="chat:1")
    async with running(with_connector(app, RefusesEnds), ["llm"]):
        await until(lambda: len(app.diary.of("ran")) == 3)
    assert await tickets(app.diary.url) == {}


async def test_a_ticket_that_was_given_to_another_worker_is_not_ended_by_the_first(app: ProbeApp) -> None:
    ticket = await defer(app, "slow", seconds=0.3)
    [other] = await rows(app.diary.url, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
    async with running(app, ["llm"]):
        await until(lambda: app.diary.of("began"))
        await rows(app.diary.url, "UPDATE procrastinate_jobs SET worker_id = %s", other["id"])
        await until(lambda: app.diary.of("ended"))
    assert await rows(app.diary.url, "SELECT id, status::text, worker_id FROM procrastinate_jobs") == [
        {"id": ticket, "status": "doing", "worker_id": other["id"]}
    ]


async def test_a_ticket_with_a_waiting_twin_is_not_given_back_beside_it(app: ProbeApp) -> None:
    insert = "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args) VALUES ('llm', %s, 'one', %s)"
    await rows(app.diary.url, insert, "flaky", '{"times": 1}')
    async with app.open_async():
        app.queue_connector.patience = Patience()
        worker = app._worker(queues=["llm"], wait=False)
        [row] = await rows(app.diary.url, "INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")
        await rows(app.diary.url, "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", row["id"])
        await rows(app.diary.url, insert, "quick", "{}")
        from jobs.engine.ledger import requeue

        [held] = await rows(app.diary.url, "SELECT id FROM procrastinate_jobs WHERE status = 'doing'")
        await requeue(app.queue_connector, row["id"], held["id"], Outcome("later", 0))
        await worker.run()
    assert [event for _, event in app.diary.events] == ["ran"]
    assert await tickets(app.diary.url) == {}


async def test_h11_a_fetch_gone_silent_is_given_up_and_the_worker_goes_on_and_can_stop(database_url: str) -> None:
    async with relay_to(database_url) as (relay, url):
        patience = Patience(query=1.0, pause=0.2, listen=0.5, connect=2)
        app = make_app(url, patience=patience)
        async with running(app, ["llm"]) as worker:
            worker.parting = 0.5
            await until(lambda: listening(database_url))
            relay.go_silent()
            await rows(database_url, "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('llm', 'quick')")
            await until(lambda: app.diary.of("ran"))
            relay.go_silent(new_too=True)
            await asyncio.sleep(0.3)
