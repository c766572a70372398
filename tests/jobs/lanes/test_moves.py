"""Tickets leave a lane that is down or that nobody serves: which ones, to whom, and when not."""

from pathlib import Path

import pytest

from jobs import housekeeping
from jobs.db.gpu import lane_moves
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.lanes.gates import Gates
from jobs.resources import Resources
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from tests.factories import execute, job, rows, submit, value
from tests.jobs.lanes.test_health import gone, healthy_both, lane, resources, until
from tests.jobs.lanes.test_stealing import in_line, lanes, put, require_agreement, start, take

__all__ = ["lanes"]  # a fixture

DEAD = "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 s' WHERE id = {}"


async def sweep(database: Database) -> None:
    """As the housekeeping ticket does; the test's PostgreSQL may be younger than 30 s, so silence is short here."""
    await housekeeping.sweep_stalled(database, 0.5)
    await housekeeping.move_unserved(database)


async def beat(database: Database, *workers: int) -> None:
    await execute(database, f"UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id IN {(*workers, 0)}")


async def test_all_of_a_dead_workers_lane_moves_in_one_sweep_what_it_drew_included(
    lanes: Resources, database: Database
) -> None:
    made = await put(lanes, "gpu-0", count=5)
    await start(database, made[:2])
    await execute(database, DEAD.format(101))
    await until_old_enough(database)
    await beat(database, 102, 103)
    await sweep(database)
    assert await in_line(database, "gpu-0") == []
    one, two = await in_line(database, "gpu-1"), await in_line(database, "gpu-2")
    assert sorted([*one, *two]) == sorted(each.id for each in made)
    assert abs(len(one) - len(two)) == 1, "shared out"
    assert one == [made[0].id, made[2].id, made[4].id]
    assert two == [made[1].id, made[3].id]
    events = await rows(database, "SELECT data FROM job_events WHERE type = 'job.moved' ORDER BY job_id")
    assert {event["data"]["from"] for event in events} == {"gpu-0"}
    assert {event["data"]["reason"] for event in events} == {"its worker is gone"}
    assert len(events) == 5
    await require_agreement(database)


async def until_old_enough(database: Database) -> None:
    async def old() -> bool:
        return bool(await value(database, "SELECT now() - pg_postmaster_start_time() > interval '1 s'"))

    await until(old)


async def test_a_worker_that_says_goodbye_leaves_its_lane_to_the_others(lanes: Resources, database: Database) -> None:
    [made] = await put(lanes, "gpu-0")
    await execute(database, "DELETE FROM workers WHERE id = 101", "DELETE FROM procrastinate_workers WHERE id = 101")
    await housekeeping.move_unserved(database)
    assert (await job(database, made.id)).queue in ("gpu-1", "gpu-2")


async def test_without_another_worker_everything_stays(lanes: Resources, database: Database) -> None:
    made = await put(lanes, "gpu-0", count=3)
    for number in (101, 102, 103):
        await execute(database, DEAD.format(number))
    await housekeeping.move_unserved(database)
    assert await in_line(database, "gpu-0") == [each.id for each in made]
    assert await rows(database, "SELECT 1 FROM job_events WHERE type = 'job.moved'") == []


async def test_several_lanes_die_and_the_last_one_gets_all(lanes: Resources, database: Database) -> None:
    await put(lanes, "gpu-0", count=3)
    await put(lanes, "gpu-1", count=2)
    for number in (101, 102):
        await execute(database, DEAD.format(number))
    await housekeeping.move_unserved(database)
    assert len(await in_line(database, "gpu-2")) == 5
    await require_agreement(database)


@pytest.mark.parametrize("state", ["drain", "hold", "unhealthy"])
async def test_a_lane_that_takes_no_work_gets_nothing(lanes: Resources, database: Database, state: str) -> None:
    await put(lanes, "gpu-0", count=4)
    if state == "unhealthy":
        await execute(database, "UPDATE lanes SET healthy = false WHERE queue = 'gpu-1'")
    else:
        await execute(database, f"INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', '{state}')")
    await execute(database, DEAD.format(101))
    await housekeeping.move_unserved(database)
    assert await in_line(database, "gpu-1") == []
    assert len(await in_line(database, "gpu-2")) == 4


async def test_a_held_lane_without_a_worker_keeps_what_it_has(lanes: Resources, database: Database) -> None:
    await put(lanes, "gpu-0", count=2)
    await execute(database, DEAD.format(101), "INSERT INTO paused_queues (name, mode) VALUES ('gpu-0', 'hold')")
    await housekeeping.move_unserved(database)
    assert len(await in_line(database, "gpu-0")) == 2


async def test_a_held_lane_whose_comfyui_goes_down_keeps_what_it_has(database: Database, tmp_path: Path) -> None:
    """An operator holds a lane to restart its ComfyUI: what waits there was not to run, and does not run elsewhere."""
    quick = ComfySettings(seconds_per_picture=0.05)
    gates = Gates()
    async with (
        ComfyServer(quick, port=0) as first,
        ComfyServer(quick, port=0) as second,
        lane(database, "gpu-0", first, gates) as zero,
        lane(database, "gpu-1", second, gates) as one,
    ):
        await until(lambda: healthy_both(database))
        worker = resources(database, [first, second], tmp_path, gpu_0=zero, gpu_1=one)
        await execute(database, "INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', 'drain')")
        made = await submit(worker, "generate_image", {"prompt": "a fox"})
        assert made.queue == "gpu-0"
        await execute(
            database, "DELETE FROM paused_queues", "INSERT INTO paused_queues (name, mode) VALUES ('gpu-0', 'hold')"
        )
        await first.kill()
        await until(lambda: gone(database, "gpu-0"))
        assert (await job(database, made.id)).queue == "gpu-0"


async def test_lanes_with_a_worker_come_before_those_without(lanes: Resources, database: Database) -> None:
    made = await put(lanes, "gpu-0", count=3)
    await execute(database, DEAD.format(102))
    async with database.transaction() as connection:
        assert await lane_moves.move_waiting(connection, ["gpu-0"], "down") == {"gpu-2": 3}
    assert await in_line(database, "gpu-2") == [each.id for each in made]


async def test_what_a_worker_has_in_hand_is_not_moved(lanes: Resources, database: Database) -> None:
    made = await put(lanes, "gpu-0", count=3)
    await start(database, made[:1])
    async with database.transaction() as connection:
        await lane_moves.move_waiting(connection, ["gpu-0"], "down")
    running = await job(database, made[0].id)
    assert (running.queue, running.status) == ("gpu-0", "processing")
    assert await value(database, "SELECT queue_name FROM procrastinate_jobs WHERE status = 'doing'") == "gpu-0"


async def test_a_retry_that_is_scheduled_for_later_moves_with_its_time(lanes: Resources, database: Database) -> None:
    await put(lanes, "gpu-0")
    await execute(database, "UPDATE procrastinate_jobs SET scheduled_at = now() + interval '1 hour'", DEAD.format(101))
    await housekeeping.move_unserved(database)
    [ticket] = await rows(database, "SELECT queue_name, scheduled_at > now() AS later FROM procrastinate_jobs")
    assert ticket["queue_name"] in ("gpu-1", "gpu-2")
    assert ticket["later"]


async def test_a_picture_that_was_drawn_when_its_worker_died_is_claimed_by_the_next_one(
    lanes: Resources, database: Database
) -> None:
    """The dead one's token ends there: should it only have been silent, it can write nothing any more."""
    [made] = await put(lanes, "gpu-0")
    await start(database, [made])
    silent = await job(database, made.id)
    await execute(database, DEAD.format(101))
    await until_old_enough(database)
    await beat(database, 102, 103)
    await sweep(database)
    async with database.transaction() as connection:
        claimed = await job_rows.claim(connection, made.id, made.parent_id or silent.id)
        assert claimed
        assert claimed.queue != "gpu-0"
    assert (await job(database, made.id)).attempt == 2


async def test_turns_stay_fair_where_they_move_to(lanes: Resources, database: Database) -> None:
    await execute(database, "UPDATE lanes SET turn = 900 WHERE queue = 'gpu-0'")
    greedy = await put(lanes, "gpu-0", count=8, owner="greedy")
    here = await put(lanes, "gpu-1", count=2, owner="somebody")
    await execute(database, DEAD.format(101), DEAD.format(103))
    await housekeeping.move_unserved(database)
    assert (await in_line(database, "gpu-1"))[:4] == [greedy[0].id, here[0].id, greedy[1].id, here[1].id]
    [modest] = await put(lanes, "gpu-1", owner="modest")
    assert (await in_line(database, "gpu-1")).index(modest.id) == 2
    await require_agreement(database)


async def test_from_a_lane_that_never_had_a_worker_whoever_runs_dry_takes_all(
    lanes: Resources, database: Database
) -> None:
    """COMFYUI_HOSTS names it, and nobody has started its worker yet: it has no row in `lanes`."""
    await put(lanes, "gpu-0", count=2)
    await execute(database, "DELETE FROM lanes WHERE queue = 'gpu-0'", DEAD.format(101))
    assert await take(database, "gpu-1")
    assert await take(database, "gpu-1")
    assert await in_line(database, "gpu-0") == []
    await require_agreement(database)
