"""A purge cancels what waits, each job as its owner would, and touches nothing else."""

import asyncio
from uuid import uuid4

import pytest

from jobs import purge as purging
from jobs.companion.personas import Personas
from jobs.db.dialog import dialogs
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.errors import NotFound
from jobs.kinds.contract import NewJob
from jobs.purge import CHUNK, count, purge
from jobs.settings import LaneSettings, MediaSettings, PersonaSettings
from jobs.submit import Intake
from tests.factories import USER, add_user, all_jobs, job, rows, submit, tickets, value, worker

REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}


@pytest.fixture
def intake() -> Intake:
    lanes, media = LaneSettings(comfyui_hosts="one:1", _env_file=None), MediaSettings(result_ttl=3600, _env_file=None)
    return Intake(lanes, media, Personas(PersonaSettings(_env_file=None)))


async def test_more_than_one_chunk_and_nothing_of_another_queue(database: Database, intake: Intake) -> None:
    async with database.transaction() as connection:
        for _ in range(CHUNK + 3):
            await intake.submit(connection, NewJob("generate_reply", REPLY, "o"))
        elsewhere = await intake.submit(connection, NewJob("generate_image", {"prompt": "x"}, "o"))
    assert await count(database, intake, "llm") == CHUNK + 3
    assert await purge(database, intake, "llm") == CHUNK + 3
    assert await count(database, intake, "llm") == 0
    assert [each.id for each in await all_jobs(database) if each.status != "cancelled"] == [elsewhere.id]
    assert [each["id"] for each in await tickets(database)] == [elsewhere.ticket_id]
    told = await value(database, "SELECT count(*) FROM job_events WHERE type = 'job.cancelled'")
    assert told == CHUNK + 3
    assert await value(database, "SELECT count(expires_at) FROM jobs") == CHUNK + 3


async def test_only_one_kind(database: Database, intake: Intake) -> None:
    prompt = NewJob("generate_image_prompt", {"persona": "may", "recent_dialogue": []}, "o")
    async with database.transaction() as connection:
        reply = await intake.submit(connection, NewJob("generate_reply", REPLY, "o"))
        other = await intake.submit(connection, prompt)
    assert reply.queue == other.queue
    assert await count(database, intake, reply.queue, other.kind) == 1
    assert await purge(database, intake, reply.queue, other.kind) == 1
    assert (await job(database, reply.id)).status == "pending"
    assert (await job(database, other.id)).status == "cancelled"


async def test_what_runs_is_not_even_asked_to_stop_and_what_is_between_two_tries_goes(
    database: Database, intake: Intake
) -> None:
    async with worker(database) as resources:
        running, between = [await submit(resources, "generate_reply", REPLY) for _ in range(2)]
    async with database.transaction() as connection:
        await job_rows.claim(connection, running.id, uuid4())
        claimed = await job_rows.claim(connection, between.id, uuid4())
        assert claimed
        assert await job_rows.give_back(connection, claimed)
    assert await count(database, intake, "llm") == 1
    assert await purge(database, intake, "llm") == 1
    still = await job(database, running.id)
    assert (still.status, still.cancel_requested_at) == ("processing", None)
    assert [each["id"] for each in await tickets(database)] == [running.ticket_id]
    assert (await job(database, between.id)).status == "cancelled"


async def test_a_dialog_whose_answer_is_purged_can_be_answered_again(database: Database, intake: Intake) -> None:
    new = NewJob("generate_reply", REPLY, f"telegram:{USER}")
    async with database.transaction() as connection:
        await add_user(connection)
        dialog = await dialogs.open_dialog(connection, USER, "may")
        await intake.submit(connection, NewJob(new.kind, REPLY, new.owner, id=new.id, dialog_id=dialog))
        await dialogs.set_reply_job(connection, dialog, new.id)
    assert await purge(database, intake, "llm") == 1
    assert await rows(database, "SELECT reply_job_id FROM dialogs") == [{"reply_job_id": None}]


async def test_a_job_that_starts_while_the_purge_runs_is_left_alone(database: Database, intake: Intake) -> None:
    async with database.transaction() as connection:
        made = await intake.submit(connection, NewJob("generate_reply", REPLY, "o"))
    async with database.transaction() as starting:
        await job_rows.claim(starting, made.id, uuid4())
        going = asyncio.create_task(purge(database, intake, "llm"))
        async with asyncio.timeout(30):
            # it has listed the job as waiting, and waits for the worker's transaction
            while not await value(database, "SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
    assert await going == 0
    assert (await job(database, made.id)).status == "processing"
    assert len(await tickets(database)) == 1


async def test_two_purges_at_once_count_each_job_once(database: Database, intake: Intake) -> None:
    async with database.transaction() as connection:
        for _ in range(CHUNK + 10):
            await intake.submit(connection, NewJob("generate_reply", REPLY, "o"))
    counts = await asyncio.gather(purge(database, intake, "llm"), purge(database, intake, "llm"))
    assert sum(counts) == CHUNK + 10
    assert await tickets(database) == []


async def test_an_unknown_queue_is_named(database: Database, intake: Intake) -> None:
    for act in (purging.count, purging.purge):
        with pytest.raises(NotFound, match="There is no queue 'gpu-1'"):
            await act(database, intake, "gpu-1")


async def test_work_left_on_a_lane_that_was_taken_away_can_be_purged(database: Database, intake: Intake) -> None:
    async with database.transaction() as connection:
        made = await intake.submit(connection, NewJob("generate_image", {"prompt": "x"}, "o"))
    without = Intake(LaneSettings(_env_file=None), MediaSettings(_env_file=None), intake.personas)
    assert made.queue == "gpu-0"
    assert await purge(database, without, "gpu-0") == 1
