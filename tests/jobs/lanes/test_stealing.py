"""A lane that ran dry: from whom does it take what, when is that worth it, and is everybody's turn kept?"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from jobs import lifecycle
from jobs.db.gpu import lane_moves
from jobs.db.gpu import lanes as lane_rows
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.enqueue import withdraw
from jobs.lanes.gates import Gates
from jobs.lanes.stealing import Stealing, steal
from jobs.resources import Resources
from jobs.settings import LaneSettings
from tests.factories import all_jobs, execute, job, rows, submit, unwatched_lane, value, worker
from tests.jobs.db.test_workers import add_worker

LANES = ("gpu-0", "gpu-1", "gpu-2")
HOSTS = "127.0.0.1:9,127.0.0.1:10,127.0.0.1:11"
SETTINGS = LaneSettings(comfyui_hosts=HOSTS, _env_file=None)
RED, BLUE = "red.safetensors", "blue.safetensors"


@pytest.fixture
async def lanes(database: Database) -> AsyncIterator[Resources]:
    """Three lanes with a live worker each, RED on every GPU; a picture takes 10 s and loading a model 30 s."""
    for number, queue in enumerate(LANES):
        await add_worker(database, 101 + number, queue)
        await execute(database, f"INSERT INTO lanes (queue, host, loaded) VALUES ('{queue}', 'host', '{RED}')")
    await execute(database, f"INSERT INTO workflow_times (workflow, seconds, load_seconds) VALUES ('{RED}', 10, 30)")
    async with worker(database, comfyui="") as resources:
        resources.intake.lanes = SETTINGS
        yield resources


async def put(resources: Resources, queue: str, model: str = RED, count: int = 1, **more: Any) -> list[Job]:
    """Pictures that chose this lane, as no other one took work then."""
    others = [name for name in LANES if name != queue]
    for name in others:
        await execute(resources.database, f"INSERT INTO paused_queues (name, mode) VALUES ('{name}', 'drain')")
    made = [await submit(resources, "generate_image", {"prompt": "a fox"}, **more) for _ in range(count)]
    assert {each.queue for each in made} == {queue}
    names = ", ".join(f"'{name}'" for name in others)
    await execute(resources.database, f"DELETE FROM paused_queues WHERE name IN ({names})")
    ids = ", ".join(f"'{each.id}'" for each in made)
    await execute(resources.database, f"UPDATE jobs SET model = '{model}', workflow = '{RED}' WHERE id IN ({ids})")
    return [await job(resources.database, each.id) for each in made]


async def take(database: Database, thief: str) -> bool:
    async with database.transaction() as connection:
        return await steal(connection, SETTINGS, thief)


async def in_line(database: Database, queue: str) -> list[UUID]:
    """The jobs in the order in which a worker of the queue takes their tickets."""
    query = (
        "SELECT args->>'job_id' AS job FROM procrastinate_jobs WHERE queue_name = :queue AND status = 'todo'"
        " ORDER BY priority DESC, id"
    )
    return [UUID(row["job"]) for row in await rows(database, query, queue=queue)]


async def start(database: Database, made: Sequence[Job]) -> None:
    """As a worker does that has taken them."""
    for each in made:
        async with database.transaction() as connection:
            claimed = await job_rows.claim(connection, each.id, each.id)
            assert claimed
            await lane_rows.serve(connection, claimed.queue, claimed.turn)
            values = {"ticket": each.ticket_id}
            await connection.execute(
                text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = 101 WHERE id = :ticket"), values
            )


async def require_agreement(database: Database) -> None:
    """Each open job waits where its ticket is, and its ticket's number follows from its turn."""
    joined = (
        "SELECT jobs.queue, queue_name, turn, jobs.priority * 10 - turn AS wanted, ticket.priority AS found"
        " FROM jobs JOIN procrastinate_jobs AS ticket ON ticket.id = jobs.ticket_id"
    )
    for row in await rows(database, joined):
        assert row["queue"] == row["queue_name"]
        assert row["wanted"] == row["found"]


async def test_the_tail_of_the_longest_queue_is_taken_and_job_ticket_and_event_agree(
    lanes: Resources, database: Database
) -> None:
    await put(lanes, "gpu-0", count=3)
    longest = await put(lanes, "gpu-1", count=5)
    assert await take(database, "gpu-2")
    assert await in_line(database, "gpu-2") == [longest[-1].id]
    assert len(await in_line(database, "gpu-0")) == 3
    assert (await job(database, longest[-1].id)).queue == "gpu-2"
    [event] = await rows(database, "SELECT job_id, owner, seq, data FROM job_events WHERE type = 'job.moved'")
    assert event == {
        "job_id": longest[-1].id,
        "owner": longest[-1].owner,
        "seq": longest[-1].event_seq + 1,
        "data": {"from": "gpu-1", "to": "gpu-2", "reason": "gpu-2 ran dry"},
    }
    assert (await job(database, longest[-1].id)).event_seq == event["seq"]
    await require_agreement(database)


@pytest.mark.parametrize(("waiting", "worth_it"), [(4, False), (5, True)])
async def test_a_picture_is_taken_only_if_loading_its_model_here_is_sooner_than_waiting_there(
    lanes: Resources, database: Database, waiting: int, worth_it: bool
) -> None:
    await put(lanes, "gpu-0", BLUE, waiting)
    assert await take(database, "gpu-1") is worth_it


@pytest.mark.parametrize(("waiting", "worth_it"), [(2, False), (4, True)])
async def test_what_the_lane_has_still_to_draw_itself_counts(
    lanes: Resources, database: Database, waiting: int, worth_it: bool
) -> None:
    await start(database, await put(lanes, "gpu-1", count=2))
    await put(lanes, "gpu-0", count=waiting)
    assert await take(database, "gpu-1") is worth_it


async def test_the_model_that_the_gpu_holds_goes_first_even_from_before_the_tail(
    lanes: Resources, database: Database
) -> None:
    red = await put(lanes, "gpu-0", RED, 4)
    await put(lanes, "gpu-0", BLUE, 4)
    assert await take(database, "gpu-1")
    assert await in_line(database, "gpu-1") == [red[-1].id]


async def test_the_model_that_the_gpu_will_hold_by_then_goes_first(lanes: Resources, database: Database) -> None:
    """The lane draws its first BLUE one now; what it held before is gone when that is done."""
    await start(database, await put(lanes, "gpu-1", BLUE))
    await put(lanes, "gpu-0", RED, 4)
    blue = await put(lanes, "gpu-0", BLUE, 4)
    assert await take(database, "gpu-1")
    assert await in_line(database, "gpu-1") == [blue[-1].id]


async def test_nothing_is_taken_from_a_held_lane(lanes: Resources, database: Database) -> None:
    await put(lanes, "gpu-0", count=9)
    await execute(
        database,
        "INSERT INTO paused_queues (name, mode) VALUES ('gpu-0', 'hold')",
        "UPDATE lanes SET healthy = false WHERE queue = 'gpu-0'",
    )
    assert not await take(database, "gpu-1")
    assert len(await in_line(database, "gpu-0")) == 9


@pytest.mark.parametrize("mode", ["hold", "drain", "unhealthy"])
async def test_a_lane_that_takes_no_work_takes_none_over(lanes: Resources, database: Database, mode: str) -> None:
    await put(lanes, "gpu-0", count=9)
    if mode == "unhealthy":
        await execute(database, "UPDATE lanes SET healthy = false WHERE queue = 'gpu-1'")
    else:
        await execute(database, f"INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', '{mode}')")
    assert not await take(database, "gpu-1")


@pytest.mark.parametrize("state", ["unhealthy", "unserved"])
async def test_the_last_picture_of_a_lane_that_does_not_draw_is_taken_whatever_it_costs(
    lanes: Resources, database: Database, state: str
) -> None:
    [only] = await put(lanes, "gpu-0", BLUE)
    assert not await take(database, "gpu-1"), "it would be drawn there at once"
    if state == "unhealthy":
        await execute(database, "UPDATE lanes SET healthy = false WHERE queue = 'gpu-0'")
    else:
        await execute(
            database, "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '40 s' WHERE id = 101"
        )
    assert await take(database, "gpu-1")
    assert await in_line(database, "gpu-1") == [only.id]
    await require_agreement(database)


async def given_back(lanes: Resources, database: Database, *, begun: bool) -> Job:
    """Its worker was stopped, as for a deployment, and has said goodbye. `begun`: the GPU had started on it."""
    [made] = await put(lanes, "gpu-0")
    async with database.transaction() as connection:
        claimed = await job_rows.claim(connection, made.id, made.id)
        assert claimed
        if begun:
            await job_rows.set_progress(connection, claimed, {"done": 0.3, "total": 1, "stage": "KSampler"}, {})
        await job_rows.give_back(connection, claimed)
    await execute(database, "DELETE FROM workers WHERE id = 101", "DELETE FROM procrastinate_workers WHERE id = 101")
    return made


async def test_a_picture_that_a_gpu_draws_without_a_worker_is_left_to_the_next_worker_there(
    lanes: Resources, database: Database
) -> None:
    """It adopts the picture; drawn here too, it would be drawn twice."""
    await given_back(lanes, database, begun=True)
    assert not await take(database, "gpu-1")


async def test_a_picture_that_was_taken_back_before_the_gpu_began_is_taken_over(
    lanes: Resources, database: Database
) -> None:
    made = await given_back(lanes, database, begun=False)
    assert await take(database, "gpu-1")
    assert await in_line(database, "gpu-1") == [made.id]


async def test_a_retry_that_is_scheduled_for_later_stays_and_is_taken_when_it_is_due(
    lanes: Resources, database: Database
) -> None:
    waiting = await put(lanes, "gpu-0", count=4)
    await execute(database, "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'")
    assert not await take(database, "gpu-1")
    due = f"UPDATE procrastinate_jobs SET scheduled_at = now() - interval '1 s' WHERE id = {waiting[1].ticket_id}"
    await execute(database, due)
    assert await take(database, "gpu-1")
    assert await in_line(database, "gpu-1") == [waiting[1].id]


async def test_two_that_run_dry_at_once_take_different_pictures(lanes: Resources, database: Database) -> None:
    await put(lanes, "gpu-0", count=9)
    both = asyncio.Barrier(2)

    async def thief(queue: str) -> None:
        async with database.transaction() as connection:
            assert await steal(connection, SETTINGS, queue)
            await both.wait()  # neither has committed

    async with asyncio.timeout(10):
        await asyncio.gather(thief("gpu-1"), thief("gpu-2"))
    [one], [two] = await in_line(database, "gpu-1"), await in_line(database, "gpu-2")
    assert one != two
    assert len(await in_line(database, "gpu-0")) == 7
    await require_agreement(database)


async def test_what_a_worker_is_about_to_take_is_left_to_it(lanes: Resources, database: Database) -> None:
    """The only other waiting one is in the hands of a fetch that has not committed."""
    made = await put(lanes, "gpu-0", count=4)
    await start(database, made[:3])
    async with database.transaction() as fetching:
        query = text("SELECT id FROM procrastinate_jobs WHERE id = :id FOR UPDATE SKIP LOCKED")
        assert (await fetching.execute(query, {"id": made[3].ticket_id})).scalar()
        assert not await take(database, "gpu-1")


async def test_turns_count_from_what_the_new_lane_serves(lanes: Resources, database: Database) -> None:
    """The old lane is at its turn 5000 and the new one at 7: the numbers of one say nothing on the other."""
    await execute(
        database,
        "UPDATE lanes SET turn = 5000 WHERE queue = 'gpu-0'",
        "UPDATE lanes SET turn = 7 WHERE queue = 'gpu-1'",
    )
    greedy = await put(lanes, "gpu-0", count=6, owner="greedy")
    assert [each.turn for each in greedy] == list(range(5001, 5007))
    assert await take(database, "gpu-1")
    assert (await job(database, greedy[-1].id)).turn == 13, "the sixth one after what is served"
    [modest] = await put(lanes, "gpu-1", owner="modest")
    assert await in_line(database, "gpu-1") == [modest.id, greedy[-1].id]
    [next_one] = await put(lanes, "gpu-1", owner="greedy")
    assert next_one.turn == 14
    await require_agreement(database)


async def test_a_person_in_a_chat_goes_before_a_batch_on_the_new_lane_too(lanes: Resources, database: Database) -> None:
    await execute(database, "UPDATE lanes SET turn = 400 WHERE queue = 'gpu-0'")
    await put(lanes, "gpu-0", count=5, owner="batch", priority=0)
    [chat] = await put(lanes, "gpu-0", BLUE, owner="person", priority=5)
    await put(lanes, "gpu-1", BLUE, 3, owner="batch")
    await execute(database, f"UPDATE lanes SET loaded = '{BLUE}' WHERE queue = 'gpu-1'")
    await put(lanes, "gpu-0", count=30, owner="another batch")
    assert await take(database, "gpu-1")
    assert (await in_line(database, "gpu-1"))[0] == chat.id
    await require_agreement(database)


async def test_a_retry_on_another_lane_gets_a_turn_of_that_lane(lanes: Resources, database: Database) -> None:
    """With its old number it would wait there behind everybody who comes within the next 5000 turns."""
    await execute(database, "UPDATE lanes SET turn = 5000 WHERE queue = 'gpu-0'")
    [made] = await put(lanes, "gpu-0", owner="unlucky")
    await put(lanes, "gpu-1", count=3, owner="greedy")
    await put(lanes, "gpu-2", count=9, owner="greedy")
    async with unwatched_lane("gpu-0", "127.0.0.1:9", database) as lane:
        lanes.lanes["gpu-0"] = lane
        await execute(database, "UPDATE lanes SET healthy = false WHERE queue = 'gpu-0'")
        await lifecycle.run_job(lanes, made.id)
    now = await job(database, made.id)
    assert now.queue == "gpu-1"
    await execute(database, "UPDATE procrastinate_jobs SET scheduled_at = NULL")
    later = await put(lanes, "gpu-1", count=3, owner="newcomer")
    order = await in_line(database, "gpu-1")
    assert order.index(made.id) < order.index(later[-1].id)
    assert now.turn < 100
    await require_agreement(database)


async def test_a_cancel_at_the_same_moment_is_no_deadlock(lanes: Resources, database: Database) -> None:
    """A cancel changes the job and then its ticket; whoever moves both must not wait for them in the other order."""
    made = await put(lanes, "gpu-0", count=5)
    async with asyncio.timeout(10), database.transaction() as cancelling:
        await job_rows.cancel_waiting(cancelling, made[-1].id, 60)
        moving = asyncio.create_task(take(database, "gpu-1"))
        await asyncio.wait([moving], timeout=0.3)
        assert made[-1].ticket_id is not None
        await withdraw(cancelling, made[-1].ticket_id)
    await moving
    cancelled = await job(database, made[-1].id)
    assert cancelled.status == "cancelled"
    assert made[-1].id not in await in_line(database, "gpu-0") + await in_line(database, "gpu-1")


async def test_one_that_moves_everything_and_a_cancel_are_no_deadlock(lanes: Resources, database: Database) -> None:
    made = await put(lanes, "gpu-0", count=5)

    async def move() -> None:
        async with database.transaction() as connection:
            await lane_moves.move_waiting(connection, ["gpu-0"], "down")

    async with asyncio.timeout(10), database.transaction() as cancelling:
        await job_rows.cancel_waiting(cancelling, made[2].id, 60)
        moving = asyncio.create_task(move())
        await asyncio.wait([moving], timeout=0.3)
        assert made[2].ticket_id is not None
        await withdraw(cancelling, made[2].ticket_id)
    await moving
    assert (await job(database, made[2].id)).status == "cancelled"
    assert {each.queue for each in await all_jobs(database) if each.status == "pending"} == {"gpu-1", "gpu-2"}


async def test_the_word_of_a_dry_queue_is_acted_upon_and_the_workers_of_the_lane_hear_of_it(
    lanes: Resources, database: Database, database_url: str
) -> None:
    from tests.jobs.queue_probe import listening, make_app, running
    from tests.jobs.queue_probe import until as until_true

    await put(lanes, "gpu-0", count=9)
    gates = Gates()
    stealing = asyncio.create_task(Stealing(database, SETTINGS, gates).run())
    app = make_app(database_url, fetch_job_polling_interval=60.0)
    seen: list[str] = []

    @app.task(name="run_job")
    async def run_job(job_id: str) -> None:
        seen.append(job_id)

    app.gates = gates
    async with running(app, ["gpu-1"]):
        await until_true(lambda: listening(database_url))
        gates.on_dry("llm")
        gates.on_dry("gpu-1")
        # no look for a minute: each one is taken because the last one left the queue dry, and heard of
        await until_true(lambda: len(seen) >= 4)
    stealing.cancel()
    await asyncio.wait([stealing])
    assert len(set(seen)) == len(seen)


async def test_many_thieves_workers_and_newcomers_lose_and_double_nothing(lanes: Resources, database: Database) -> None:
    made = await put(lanes, "gpu-0", count=24)

    async def thief(queue: str) -> None:
        for _ in range(8):
            await take(database, queue)

    async def mover(source: str) -> None:
        for _ in range(4):
            async with database.transaction() as connection:
                await lane_moves.move_waiting(connection, [source], "test")

    async with asyncio.timeout(20):
        await asyncio.gather(thief("gpu-1"), thief("gpu-2"), mover("gpu-1"), thief("gpu-0"), mover("gpu-2"))
    assert await value(database, "SELECT count(*) FROM procrastinate_jobs") == len(made)
    found = [each for queue in LANES for each in await in_line(database, queue)]
    assert sorted(found) == sorted(each.id for each in made)
    events = "SELECT count(*) <> count(DISTINCT (job_id, seq)) FROM job_events"
    assert await value(database, events) is False
    await require_agreement(database)
