"""The lanes as an operator sees them."""

import pytest

from jobs.db.gpu import lane_report
from jobs.db.gpu.lane_report import LaneReport
from jobs.db.session import Database
from jobs.lanes.choice import choose
from jobs.settings import LaneSettings
from tests.factories import execute

RED, BLUE = "red.safetensors", "blue.safetensors"
MODELS = {"ash": RED, "lina": BLUE, "may": RED}


def hosts(addresses: str) -> LaneSettings:
    return LaneSettings(comfyui_hosts=addresses, _env_file=None)


async def reports(database: Database, addresses: str = "one:1,two:2") -> list[LaneReport]:
    async with database.transaction() as connection:
        return await lane_report.lane_reports(connection, hosts(addresses), MODELS)


async def renders(database: Database, *given: tuple[str, str, float, float]) -> None:
    """(lane, outcome, seconds, seconds ago at which it finished)"""
    values = ", ".join(
        f"('{lane}', 'lina', '{outcome}', {seconds}, now() - interval '{ago} seconds')"
        for lane, outcome, seconds, ago in given
    )
    await execute(database, f"INSERT INTO renders (queue, workflow, outcome, seconds, finished_at) VALUES {values}")


async def test_a_lane_that_no_worker_has_served_yet(database: Database) -> None:
    first, second = await reports(database)
    assert (first.queue, first.host, second.queue, second.host) == ("gpu-0", "one:1", "gpu-1", "two:2")
    assert (first.healthy, first.served, first.loaded, first.warm, first.failures) == (None, False, None, [], {})
    assert first.busy == {1: 0, 15: 0, 60: 0}
    assert first.gpu.vram_total is None


async def test_no_lanes(database: Database) -> None:
    assert await reports(database, "") == []


async def test_state_of_a_lane(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO lanes (queue, host, healthy, loaded, failure, stats) VALUES"
        f" ('gpu-0', 'one:1', true, '{RED}', NULL, '{{\"vram_total\": 24000000000, \"vram_free\": 9000000000,"
        ' "device": "cuda:0 RTX", "comfyui_version": "0.33.0"}\'),'
        " ('gpu-1', 'two:2', false, NULL, 'ComfyUI at two:2 cannot be reached.', '{}')",
        "INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', 'drain')",
        "INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (1)",
        "INSERT INTO workers (id, name, queues, host, pid) VALUES (1, 'w', '{gpu-0}', 'h', 1)",
        "INSERT INTO jobs (kind, owner, queue, status, run_token) VALUES ('k', 'o', 'gpu-0', 'pending', NULL),"
        " ('k', 'o', 'gpu-0', 'pending', NULL), ('k', 'o', 'gpu-0', 'processing', gen_random_uuid())",
    )
    up, down = await reports(database)
    assert (up.healthy, up.served, up.paused, up.failure) == (True, True, None, None)
    assert (up.loaded, up.warm) == (RED, ["ash", "may"])
    assert (up.waiting, up.running) == (2, 1)
    assert (up.gpu.vram_total, up.gpu.vram_free) == (24_000_000_000, 9_000_000_000)
    assert (up.gpu.device, up.gpu.comfyui_version) == ("cuda:0 RTX", "0.33.0")
    assert (down.healthy, down.served, down.paused) == (False, False, "drain")
    assert down.failure == "ComfyUI at two:2 cannot be reached."
    assert down.changed_at is not None


async def test_busy_share_of_the_last_minutes(database: Database) -> None:
    await renders(
        database, ("gpu-0", "completed", 15, 10), ("gpu-0", "failed", 15, 30), ("gpu-1", "completed", 90, 600)
    )
    first, second = await reports(database)
    assert first.busy == pytest.approx({1: 30 / 60, 15: 30 / 900, 60: 30 / 3600}, abs=1e-6)
    assert second.busy == pytest.approx({1: 0, 15: 0.1, 60: 0.025}, abs=1e-6)


async def test_of_a_render_that_began_before_the_window_only_its_part_counts(database: Database) -> None:
    await renders(database, ("gpu-0", "completed", 1000, 45))
    [lane] = await reports(database, "one:1")
    # the clock runs on between the row and the look at it
    assert lane.busy[1] == pytest.approx(15 / 60, abs=0.1)
    assert lane.busy[15] == pytest.approx(855 / 900, abs=0.02)
    assert lane.busy[60] == pytest.approx(1000 / 3600, abs=1e-6)


async def test_a_busy_share_is_never_more_than_all(database: Database) -> None:
    await renders(database, *[("gpu-0", "completed", 1000, 1)] * 4)
    [lane] = await reports(database, "one:1")
    assert lane.busy == pytest.approx({1: 1, 15: 1, 60: 1}, abs=0.2)
    assert max(lane.busy.values()) <= 1


async def test_failures_of_the_last_hour_by_outcome(database: Database) -> None:
    await renders(
        database, ("gpu-0", "completed", 1, 5), ("gpu-0", "out_of_memory", 1, 5), ("gpu-0", "out_of_memory", 1, 5),
        ("gpu-0", "stuck", 1, 5), ("gpu-0", "stuck", 1, 4000), ("gpu-0", "cancelled", 1, 5), ("gpu-9", "stuck", 1, 5),
    )  # fmt: skip
    [lane] = await reports(database, "one:1")
    assert lane.failures == {"out_of_memory": 2, "stuck": 1}


@pytest.mark.parametrize("loaded", [None, RED, BLUE])
async def test_the_wait_is_the_one_that_the_choice_of_a_lane_expects(database: Database, loaded: str | None) -> None:
    await execute(
        database,
        "INSERT INTO workflow_times (workflow, seconds, load_seconds) VALUES ('red', 5, 12), ('blue', 7, 30)",
        f"INSERT INTO lanes (queue, host, loaded) VALUES ('gpu-0', 'one:1', nullif('{loaded or ''}', ''))",
        f"INSERT INTO jobs (kind, owner, queue, workflow, model) VALUES ('k', 'o', 'gpu-0', 'red', '{RED}'),"
        f" ('k', 'o', 'gpu-0', 'red', '{RED}'), ('k', 'o', 'gpu-0', 'blue', '{BLUE}')",
    )
    [lane] = await reports(database, "one:1")
    async with database.transaction() as connection:
        expected = await choose(connection, hosts("one:1"), None)
    assert lane.wait == pytest.approx(expected.wait)
    assert lane.wait == pytest.approx(17 + 21 * (2 if loaded is None else 1))


async def test_what_was_learnt(database: Database) -> None:
    await execute(
        database, "INSERT INTO workflow_times (workflow, seconds, load_seconds, samples) VALUES ('may', 4, 9, 3)"
    )
    async with database.transaction() as connection:
        [learnt] = await lane_report.learnt_times(connection)
    assert (learnt.workflow, learnt.seconds, learnt.load_seconds, learnt.samples) == ("may", 4, 9, 3)
