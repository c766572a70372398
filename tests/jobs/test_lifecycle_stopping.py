"""Stopped from outside: by the job's owner, by a worker that shuts down, by a database that is away."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from jobs import lifecycle
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from jobs.settings import DatabaseSettings
from sandbox.llm.faults import venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.postgres import EmbeddedPostgres
from sandbox.serve import serving
from tests.conftest import ROOT
from tests.factories import chat_texts, execute, job, rows, submit, tickets, to_chat, value, worker


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm(lambda body: "Hello back.")


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        yield opened


async def new_job(resources: Resources) -> Job:
    given = {"persona": "lina", "user_message": "Hello"}
    return await submit(resources, "generate_reply", given, destination=to_chat())


async def cancel(resources: Resources, made: Job) -> Job:
    async with resources.database.transaction() as connection:
        return await resources.intake.cancel(connection, made.id, made.owner)


async def started(resources: Resources, llm: ScriptedLlm, made: Job) -> "asyncio.Task[None]":
    llm.pause()
    running = asyncio.create_task(lifecycle.run_job(resources, made.id))
    await llm.wait_for_requests(len(llm.requests) + 1)
    return running


async def test_a_running_job_that_its_owner_cancels_ends_cancelled(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    running = await started(resources, llm, made)
    await cancel(resources, made)
    running.cancel()  # what the engine does with a ticket that is asked to stop
    await running
    assert not running.cancelled(), "for the engine the ticket has ended well"
    assert running.cancelling() == 0, "and nothing that runs in the same task is cancelled for it"
    ended = await job(database, made.id)
    assert (ended.status, ended.error, ended.result) == ("cancelled", None, None)
    assert await chat_texts(database) == [say("en", "cancelled")]


async def test_a_worker_that_shuts_down_gives_its_job_back(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    running = await started(resources, llm, made)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    given_back = await job(database, made.id)
    assert (given_back.status, given_back.attempt, given_back.failures, given_back.run_token) == (
        "processing", 0, 0, None
    )  # fmt: skip
    assert await chat_texts(database) == []
    llm.resume()
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"


async def test_many_restarts_of_workers_do_not_use_up_a_job(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    await execute(database, f"UPDATE jobs SET attempt = {lifecycle.MOST_STARTS - 1}")
    for _ in range(3):
        running = await started(resources, llm, made)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    llm.resume()
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "completed"


async def test_cancel_of_a_job_that_waits_for_its_next_try_ends_it(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """It is `processing` and nobody runs it: with its ticket withdrawn it would stay so for ever."""
    llm.fail_next(venice_refusal(503))
    made = await new_job(resources)
    await execute(database, "DELETE FROM procrastinate_jobs")  # its first ticket, done
    await lifecycle.run_job(resources, made.id)
    assert (await cancel(resources, made)).status == "cancelled" or await tickets(database) != []
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "cancelled"
    assert len(llm.requests) == 1, "what its owner gave up is not run again"


async def test_cancel_of_a_job_that_a_stopping_worker_gave_back_ends_it(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    running = await started(resources, llm, made)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    llm.resume()
    assert (await cancel(resources, made)).status == "cancelled" or await tickets(database) != []
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "cancelled"


async def test_a_cancelled_job_whose_worker_crashed_is_not_started_again(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    """The sweep gives the dead worker's ticket to another one, and forgets that it was asked to stop."""
    made = await new_job(resources)
    async with database.transaction() as connection:
        await job_rows.claim(connection, made.id, uuid4())
    await execute(database, "UPDATE procrastinate_jobs SET status = 'doing'")
    await cancel(resources, made)
    await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "cancelled"
    assert llm.requests == []


async def test_a_cancel_that_comes_with_the_result_leaves_the_result(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    made = await new_job(resources)
    running = await started(resources, llm, made)
    await cancel(resources, made)
    llm.resume()
    await running  # nobody stopped it in time
    ended = await job(database, made.id)
    assert ended.status in ("completed", "cancelled")
    assert ended.finished_at is not None


async def test_a_temporary_failure_after_a_cancel_is_not_tried_again(
    resources: Resources, database: Database, llm: ScriptedLlm
) -> None:
    llm.fail_next(venice_refusal(503))
    made = await new_job(resources)
    running = await started(resources, llm, made)
    await execute(database, "DELETE FROM procrastinate_jobs")
    await cancel(resources, made)
    llm.resume()
    await running
    for _ in await tickets(database):
        await lifecycle.run_job(resources, made.id)
    assert (await job(database, made.id)).status == "cancelled"


@asynccontextmanager
async def own_server() -> AsyncIterator[tuple[EmbeddedPostgres, Database]]:
    """A PostgreSQL that this test may stop, with our tables in it."""
    with tempfile.TemporaryDirectory(prefix="postgen-tests-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - an unprivileged account enters it
        server = EmbeddedPostgres(Path(folder) / "data")
        await asyncio.to_thread(server.start)
        server.wanted_port = server.port
        opened: Database | None = None
        try:
            url = await asyncio.to_thread(server.create_database, "outage")
            environment = {**os.environ, "DATABASE_URL": url, "PYTHONSAFEPATH": "1"}
            command = [sys.executable, "-m", "alembic", "upgrade", "head"]
            await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment, check=True)
            opened = Database(DatabaseSettings(database_url=url, _env_file=None))
            yield server, opened
        finally:
            if opened:
                await opened.aclose()
            await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("how", [pytest.param("stop", marks=pytest.mark.slow), "kill"])
async def test_a_result_survives_a_database_that_is_away_when_it_comes(how: str, llm: ScriptedLlm) -> None:
    """The model has answered, and the transaction that keeps its answer finds no database for two seconds."""
    async with own_server() as (server, database), serving(llm.app) as url, worker(database, llm=url) as resources:
        made = await new_job(resources)
        running = await started(resources, llm, made)
        await asyncio.to_thread(getattr(server, how))
        llm.resume()
        done, _ = await asyncio.wait({running}, timeout=2)
        assert not done, "it waits for the database instead of giving up"
        await asyncio.to_thread(server.start)
        await asyncio.wait_for(running, 30)
        assert (await job(database, made.id)).status == "completed"
        assert len(llm.requests) == 1, "nothing was run again"
        assert await chat_texts(database) == ["Hello back."]
        assert len(await rows(database, "SELECT * FROM job_events WHERE type = 'job.completed'")) == 1


async def test_a_database_that_goes_away_before_the_claim_is_the_tickets_trouble(llm: ScriptedLlm) -> None:
    async with own_server() as (server, database), worker(database) as resources:
        made = await new_job(resources)
        await asyncio.to_thread(server.stop)
        with pytest.raises(Exception, match=r"."):
            await lifecycle.run_job(resources, made.id)
        await asyncio.to_thread(server.start)
        assert await value(database, "SELECT status FROM jobs") == "pending"
