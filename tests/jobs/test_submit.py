"""The one way in: a job and its ticket in the caller's transaction, or neither; and the way out again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from jobs import lifecycle
from jobs.companion.personas import Personas
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.errors import InvalidInput, Misconfigured, NotFound
from jobs.kinds.contract import NewJob
from jobs.lanes.fairness import ticket_priority
from jobs.settings import LaneSettings, MediaSettings, PersonaSettings
from jobs.submit import Intake
from tests.factories import all_jobs, execute, job, rows, submit, tickets, to_chat, value, warm, worker

REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}


def intake(hosts: str = "one:1,two:2", ttl: int = 3600) -> Intake:
    lanes, media = LaneSettings(comfyui_hosts=hosts, _env_file=None), MediaSettings(result_ttl=ttl, _env_file=None)
    return Intake(lanes, media, Personas(PersonaSettings(_env_file=None)))


async def test_a_job_its_ticket_and_its_first_event(database: Database) -> None:
    new = NewJob(
        "generate_reply", REPLY, "key:1", destination=to_chat(), metadata={"a": 1}, priority=5,
        deadline=datetime(2100, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    async with database.transaction() as connection:
        made = await intake().submit(connection, new)
    stored = await job(database, new.id)
    assert stored == made
    assert (stored.status, stored.queue, stored.priority, stored.owner) == ("pending", "llm", 5, "key:1")
    assert (stored.destination, stored.metadata, stored.deadline) == (new.destination, new.metadata, new.deadline)
    [ticket] = await tickets(database)
    assert (ticket["id"], ticket["priority"], ticket["args"]) == (
        stored.ticket_id,
        ticket_priority(5, 0),
        {"job_id": str(new.id)},
    )
    assert ticket["lock"] is None, "a job that is tried again later must not hold back others"
    assert await rows(database, "SELECT seq, type, data FROM job_events") == [
        {"seq": 1, "type": "job.created", "data": {"queue": "llm"}}
    ]


async def test_a_higher_priority_goes_first(database: Database) -> None:
    async with database.transaction() as connection:
        for priority in (0, 10, -10, 5):
            await intake().submit(connection, NewJob("generate_reply", REPLY, "o", priority=priority))
    in_queue = sorted(await tickets(database), key=lambda ticket: -ticket["priority"])
    jobs = {str(each.id): each.priority for each in await all_jobs(database)}
    assert [jobs[ticket["args"]["job_id"]] for ticket in in_queue] == [10, 5, 0, -10]


async def test_a_rollback_leaves_neither_job_nor_ticket(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the transaction around it is what is tried
        async with database.transaction() as connection:
            await intake().submit(connection, NewJob("generate_reply", REPLY, "key:1"))
            raise ZeroDivisionError
    assert await all_jobs(database) == []
    assert await tickets(database) == []
    assert await rows(database, "SELECT * FROM job_events") == []


async def test_the_same_job_cannot_be_submitted_twice(database: Database) -> None:
    new = NewJob("generate_reply", REPLY, "key:1")
    async with database.transaction() as connection:
        await intake().submit(connection, new)
    with pytest.raises(Exception, match="pk_jobs"):
        async with database.transaction() as connection:
            await intake().submit(connection, new)
    assert len(await tickets(database)) == 1


@pytest.mark.parametrize(
    ("kind", "given", "code"),
    [("nonsense", {}, "unknown_kind"), ("generate_reply", {}, "invalid_input"), ("", {}, "unknown_kind")],
)
async def test_what_is_not_valid_leaves_no_trace(
    database: Database, kind: str, given: dict[str, str], code: str
) -> None:
    async with database.transaction() as connection:
        with pytest.raises(InvalidInput) as refused:
            await intake().submit(connection, NewJob(kind, given, "key:1"))
    assert refused.value.code == code
    assert await tickets(database) == []


async def test_a_picture_goes_to_the_lane_with_the_least_to_do(database: Database) -> None:
    await warm(database, "gpu-0", "gpu-1")
    async with database.transaction() as connection:
        queues = [
            (await intake().submit(connection, NewJob("generate_image", {"prompt": "x"}, "o"))).queue for _ in range(4)
        ]
    assert queues == ["gpu-0", "gpu-1", "gpu-0", "gpu-1"]


async def test_a_picture_without_a_lane_is_refused(database: Database) -> None:
    async with database.transaction() as connection:
        with pytest.raises(Misconfigured, match="COMFYUI_HOSTS"):
            await intake("").submit(connection, NewJob("generate_image", {"prompt": "x"}, "o"))
    assert await tickets(database) == []


async def test_a_job_for_later_has_a_ticket_for_later(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    past = datetime.now(UTC) - timedelta(hours=1)
    async with worker(database) as resources:
        await submit(resources, "generate_reply", REPLY, run_at=later)
        await submit(resources, "generate_reply", REPLY, run_at=past)
    assert [ticket["scheduled_at"] for ticket in await tickets(database)] == [later, None]


async def test_cancel_before_it_starts(database: Database) -> None:
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", REPLY)
        async with database.transaction() as connection:
            cancelled = await resources.intake.cancel(connection, made.id, made.owner)
        assert cancelled.status == "cancelled"
        assert cancelled.finished_at is not None
        assert cancelled.expires_at is not None
        assert await tickets(database) == []
        await lifecycle.run_job(resources, made.id)
    assert await job(database, made.id) == cancelled, "its ticket came too late"


async def test_cancel_while_it_runs_asks_its_worker(database: Database) -> None:
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", REPLY)
        async with database.transaction() as connection:
            await job_rows.claim(connection, made.id, uuid4())
        await execute(database, "UPDATE procrastinate_jobs SET status = 'doing'")
        async with database.transaction() as connection:
            asked = await resources.intake.cancel(connection, made.id, made.owner)
    assert asked.status == "processing"
    assert asked.cancel_requested_at is not None
    assert await value(database, "SELECT abort_requested FROM procrastinate_jobs") is True


async def test_cancel_after_its_end_changes_nothing(database: Database) -> None:
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", REPLY)
        async with database.transaction() as connection:
            first = await resources.intake.cancel(connection, made.id, made.owner)
        async with database.transaction() as connection:
            second = await resources.intake.cancel(connection, made.id, made.owner)
    assert second == first


async def test_another_persons_job_does_not_exist(database: Database) -> None:
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", REPLY, owner="key:1")
        for stranger, job_id in (("key:2", made.id), ("key:1", uuid4())):
            async with database.transaction() as connection:
                with pytest.raises(NotFound):
                    await resources.intake.cancel(connection, job_id, stranger)
    assert (await job(database, made.id)).status == "pending"
