"""What waits where, for how long and for whom; and pausing, which wakes on resume."""

import asyncio
import json
from uuid import uuid4

import asyncpg
import pytest

from jobs.db.queue import queues
from jobs.db.queue.queues import QueueState
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.errors import InvalidInput, NotFound
from jobs.settings import LaneSettings
from tests.factories import execute, rows, submit, worker

TWO = LaneSettings(comfyui_hosts="one:1,two:2", _env_file=None)
REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}


async def states(database: Database, lanes: LaneSettings = TWO) -> dict[str, QueueState]:
    async with database.transaction() as connection:
        return {each.name: each for each in await queues.states(connection, lanes)}


async def pause(database: Database, name: str, mode: str) -> None:
    async with database.transaction() as connection:
        await queues.pause(connection, TWO, name, mode)


async def resume(database: Database, name: str) -> bool:
    async with database.transaction() as connection:
        return await queues.resume(connection, TWO, name)


async def test_every_queue_is_listed_the_lanes_last(database: Database) -> None:
    found = await states(database)
    assert list(found) == [
        "llm", "image", "analysis", "documents", "world", "telegram", "webhooks", "housekeeping", "gpu-0", "gpu-1",
    ]  # fmt: skip
    assert found["llm"] == QueueState("llm", True, None, None, 0, 0, None, 0, [])


async def test_depth_and_age_by_kind_and_status(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO jobs (kind, owner, queue, status, run_token, created_at) VALUES"
        " ('a', 'o', 'llm', 'pending', NULL, now() - interval '1 hour'), ('a', 'o', 'llm', 'pending', NULL, now()),"
        " ('b', 'o', 'llm', 'processing', gen_random_uuid(), now() - interval '2 hours'),"
        " ('b', 'o', 'llm', 'completed', NULL, now() - interval '3 hours')",
    )
    llm = (await states(database))["llm"]
    assert (llm.waiting, llm.running) == (2, 1)
    assert llm.oldest == pytest.approx(3600, abs=60), "what runs does not wait"
    assert [(each.kind, each.status, each.jobs) for each in llm.kinds] == [("a", "pending", 2), ("b", "processing", 1)]
    assert [round(each.oldest / 3600) for each in llm.kinds] == [1, 2]


async def test_between_two_tries_a_job_waits(database: Database) -> None:
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", REPLY)
        async with database.transaction() as connection:
            await job_rows.claim(connection, made.id, uuid4())
        running = (await states(database))["llm"]
        await execute(database, "UPDATE jobs SET run_token = NULL")
        waiting = (await states(database))["llm"]
    assert (running.waiting, running.running) == (0, 1)
    assert (waiting.waiting, waiting.running) == (1, 0)


async def test_a_job_for_later_is_not_old(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO jobs (kind, owner, queue, created_at, run_at) VALUES"
        " ('a', 'o', 'llm', now() - interval '1 day', now() + interval '1 day'),"
        " ('b', 'o', 'llm', now() - interval '1 day', now() - interval '1 minute')",
    )
    ages = {each.kind: each.oldest for each in (await states(database))["llm"].kinds}
    assert ages["a"] == 0
    assert ages["b"] == pytest.approx(60, abs=30)


async def test_deliveries_wait_in_the_queues_of_their_channels(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO deliveries (key, channel, destination, status) VALUES ('1', 'telegram', '7', 'pending'),"
        " ('2', 'telegram', '7', 'sending'), ('3', 'telegram', '7', 'sent'), ('4', 'webhook', 'u', 'pending'),"
        " ('5', 'webhook', 'u', 'failed')",
    )
    found = await states(database)
    assert (found["telegram"].waiting, found["telegram"].running) == (1, 1)
    assert (found["webhooks"].waiting, found["webhooks"].running) == (1, 0)
    assert {each.kind for each in found["telegram"].kinds} == {"delivery"}


async def test_how_many_living_workers_serve_a_queue(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES"
        " (1, now()), (2, now()), (3, now() - interval '5 minutes'), (4, now())",
        "INSERT INTO workers (id, name, queues, host, pid) VALUES (1, 'w', '{llm,gpu-0}', 'h', 1),"
        " (2, 'w', '{llm}', 'h', 2), (3, 'w', '{image}', 'h', 3)",
    )
    found = await states(database)
    assert {name: found[name].workers for name in ("llm", "gpu-0", "gpu-1", "image")} == {
        "llm": 2, "gpu-0": 1, "gpu-1": 0, "image": 0,
    }  # fmt: skip


async def test_work_left_on_a_lane_that_was_taken_away_is_seen_and_can_be_paused(database: Database) -> None:
    await execute(database, "INSERT INTO jobs (kind, owner, queue) VALUES ('a', 'o', 'gpu-7')")
    stranded = (await states(database))["gpu-7"]
    assert (stranded.known, stranded.waiting) == (False, 1)
    await pause(database, "gpu-7", "hold")
    assert (await states(database))["gpu-7"].paused == "hold"
    assert await resume(database, "gpu-7")


async def test_pause_and_resume(database: Database) -> None:
    await pause(database, "llm", "hold")
    await pause(database, "gpu-1", "drain")
    found = await states(database)
    assert {name: each.paused for name, each in found.items() if each.paused} == {"llm": "hold", "gpu-1": "drain"}
    assert found["llm"].paused_at is not None
    assert await resume(database, "llm")
    assert not await resume(database, "llm"), "it was not paused any more"
    assert await rows(database, "SELECT name, mode FROM paused_queues") == [{"name": "gpu-1", "mode": "drain"}]


async def test_pausing_again_changes_the_mode_and_keeps_the_moment_of_the_same_mode(database: Database) -> None:
    await pause(database, "gpu-0", "drain")
    await execute(database, "UPDATE paused_queues SET paused_at = now() - interval '1 hour'")
    [before] = await rows(database, "SELECT paused_at FROM paused_queues")
    await pause(database, "gpu-0", "drain")
    assert await rows(database, "SELECT paused_at FROM paused_queues") == [before]
    await pause(database, "gpu-0", "hold")
    [after] = await rows(database, "SELECT mode, paused_at FROM paused_queues")
    assert after["mode"] == "hold"
    assert after["paused_at"] > before["paused_at"]


async def test_only_lanes_drain(database: Database) -> None:
    with pytest.raises(InvalidInput, match=r"Only lanes can drain.*llm; hold it") as refused:
        await pause(database, "llm", "drain")
    assert refused.value.code == "invalid_mode"
    with pytest.raises(InvalidInput, match="drain or hold, not with 'stop'"):
        await pause(database, "gpu-0", "stop")
    assert await rows(database, "SELECT * FROM paused_queues") == []


@pytest.mark.parametrize("name", ["gpu-2", "GPU-0", "", "llm "])
async def test_a_queue_that_does_not_exist_is_told_those_that_do(database: Database, name: str) -> None:
    for act in (pause(database, name, "hold"), resume(database, name)):
        with pytest.raises(NotFound, match=r"Queues: llm, image, .*, gpu-0, gpu-1") as refused:
            await act
        assert refused.value.code == "unknown_queue"


@pytest.mark.parametrize("how", ["resume", "drain after hold"])
async def test_the_workers_of_a_queue_that_goes_on_are_woken(database: Database, how: str) -> None:
    """They would find it only at their next look otherwise."""
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    await pause(database, "gpu-0", "hold")
    listener = await asyncpg.connect(database.url)
    try:
        for channel in ("procrastinate_queue_v1#gpu-0", "procrastinate_any_queue_v1"):
            await listener.add_listener(channel, lambda _, __, name, payload: heard.put_nowait((name, payload)))
        await (resume(database, "gpu-0") if how == "resume" else pause(database, "gpu-0", "drain"))
        async with asyncio.timeout(10):
            told = dict([await heard.get(), await heard.get()])
    finally:
        await listener.close()
    assert set(told) == {"procrastinate_queue_v1#gpu-0", "procrastinate_any_queue_v1"}
    assert {json.loads(payload)["type"] for payload in told.values()} == {"job_inserted"}
