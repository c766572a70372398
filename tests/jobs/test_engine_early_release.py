"""A place that is given away early, a queue that is held, and who a worker says it is: seen from the database."""

import asyncio
import os
from typing import Any

import pytest
from procrastinate import JobContext

from jobs.db.queue import queues
from jobs.db.session import Database
from jobs.engine.worker import MOST_AFTERWORK
from jobs.housekeeping import sweep_stalled
from jobs.settings import LaneSettings
from tests.jobs.queue_probe import ProbeApp, defer, listening, make_app, rows, running, tickets, until

NEVER_LOOK = 60.0
LANES = LaneSettings(comfyui_hosts="127.0.0.1:9,127.0.0.1:10", _env_file=None)


class Stage:
    """Its tasks report each step, and go on when the test says so."""

    def __init__(self, app: ProbeApp) -> None:
        self.app = app
        self.begun: list[int] = []
        self.leave = asyncio.Event()
        self.end = asyncio.Event()
        self.fail = False

    async def play(self, context: JobContext) -> None:
        self.begun.append(context.job.id or 0)
        await self.leave.wait()
        context.additional_context["seat"].leave()
        context.additional_context["seat"].leave()
        await self.end.wait()
        if self.fail:
            raise RuntimeError("after its place was given away")


@pytest.fixture
def app(database_url: str) -> ProbeApp:
    return make_app(database_url, fetch_job_polling_interval=NEVER_LOOK, update_heartbeat_interval=0.2)


@pytest.fixture
def stage(app: ProbeApp) -> Stage:
    made = Stage(app)

    @app.task(name="play", pass_context=True)
    async def play(context: JobContext) -> None:
        await made.play(context)

    return made


async def still(seconds: float = 0.3) -> None:
    """Long enough for a worker to take a ticket that it should not take."""
    await asyncio.sleep(seconds)


async def held(url: str) -> int:
    [row] = await rows(url, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
    return int(row["count"])


async def test_a_place_is_given_away_once_and_the_next_ticket_is_taken_without_a_look(
    stage: Stage, database_url: str
) -> None:
    for _ in range(5):
        await defer(stage.app, "play", "gpu-0")
    async with running(stage.app, ["gpu-0"]):
        await until(lambda: len(stage.begun) == 2)
        await still()
        assert len(stage.begun) == 2, "nobody has left"
        stage.leave.set()
        # all five leave, one after the other
        await until(lambda: len(stage.begun) == 5)
        assert await held(database_url) == 5
        stage.end.set()
        await until(lambda: no_tickets(database_url))


async def no_tickets(url: str) -> bool:
    return await tickets(url) == {}


async def test_room_is_two_again_after_everybody_who_left_has_ended(stage: Stage, database_url: str) -> None:
    """A place that came back twice would let a third one beside the two."""
    for _ in range(4):
        await defer(stage.app, "play", "gpu-0")
    async with running(stage.app, ["gpu-0"]) as worker:
        stage.leave.set()
        await until(lambda: len(stage.begun) == 4)
        stage.fail = True
        stage.end.set()
        await until(lambda: not worker.left)
        stage.leave.clear()
        stage.end.clear()
        await until(lambda: held_is_none(database_url))
        stage.begun.clear()
        await rows(database_url, "DELETE FROM procrastinate_jobs")
        for _ in range(5):
            await defer(stage.app, "play", "gpu-0")
        await until(lambda: len(stage.begun) == 2)
        await still()
        assert len(stage.begun) == 2
        assert worker.admission.room == {"gpu-0": 0}
        stage.fail = False
        stage.leave.set()
        stage.end.set()
        await until(lambda: no_tickets(database_url))
        assert worker.admission.room == {"gpu-0": 2}


async def held_is_none(url: str) -> bool:
    return await held(url) == 0


async def test_no_more_than_a_few_work_on_beside_the_seated_and_other_queues_have_their_own(
    stage: Stage, database_url: str
) -> None:
    stage.leave.set()
    for _ in range(MOST_AFTERWORK + 5):
        await defer(stage.app, "play", "gpu-0")
    async with running(stage.app, ["gpu-0", "gpu-1"]):
        await until(lambda: len(stage.begun) == MOST_AFTERWORK + 2)
        await still()
        assert len(stage.begun) == MOST_AFTERWORK + 2
        other = await defer(stage.app, "play", "gpu-1")
        await until(lambda: other in stage.begun)
        stage.end.set()
        await until(lambda: no_tickets(database_url))


async def test_a_worker_that_stops_waits_for_those_who_left_their_place(stage: Stage, database_url: str) -> None:
    stage.leave.set()
    await defer(stage.app, "play", "gpu-0")
    async with running(stage.app, ["gpu-0"]) as worker:
        await until(lambda: len(worker.left) == 1)
        worker.stop()
        await still()
        assert await held(database_url) == 1
        stage.end.set()
    assert await tickets(database_url) == {}


async def pause(database: Database, queue: str, mode: str) -> None:
    async with database.transaction() as connection:
        await queues.pause(connection, LANES, queue, mode)


async def resume(database: Database, queue: str) -> None:
    async with database.transaction() as connection:
        await queues.resume(connection, LANES, queue)


@pytest.mark.parametrize("served", [["llm", "telegram"], None], ids=["two queues", "all queues"])
async def test_a_held_queue_is_not_fetched_from_and_is_at_once_when_it_is_resumed(
    app: ProbeApp, database: Database, database_url: str, served: list[str] | None
) -> None:
    await pause(database, "llm", "hold")
    before = await defer(app, "quick", "llm")
    async with running(app, served):
        await until(lambda: listening(database_url))
        meanwhile, other = await defer(app, "quick", "llm"), await defer(app, "quick", "telegram")
        await until(lambda: other in app.diary.of("ran"))
        await still()
        assert app.diary.of("ran") == [other]
        await resume(database, "llm")
        # no look for a minute: only the word of the resume brings these
        await until(lambda: len(app.diary.of("ran")) == 3)
    assert set(app.diary.of("ran")) == {before, meanwhile, other}


async def test_a_draining_lane_is_fetched_from(app: ProbeApp, database: Database) -> None:
    await pause(database, "gpu-0", "drain")
    ticket = await defer(app, "quick", "gpu-0")
    async with running(app, ["gpu-0"]):
        await until(lambda: app.diary.of("ran") == [ticket])


async def test_a_hold_lets_run_what_runs(stage: Stage, database: Database, database_url: str) -> None:
    first = await defer(stage.app, "play", "gpu-0")
    async with running(stage.app, ["gpu-0"]):
        await until(lambda: stage.begun == [first])
        await pause(database, "gpu-0", "hold")
        await defer(stage.app, "play", "gpu-0")
        # a place given away under a hold stays empty
        stage.leave.set()
        stage.end.set()
        await until(lambda: held_is_none(database_url))
        await still()
        assert stage.begun == [first]
        await resume(database, "gpu-0")
        await until(lambda: len(stage.begun) == 2)


async def introduced(url: str) -> list[dict[str, Any]]:
    return await rows(url, "SELECT id, name, queues, pid FROM workers ORDER BY id")


async def test_a_worker_says_who_it_is_and_takes_that_back_when_it_goes(app: ProbeApp, database_url: str) -> None:
    async with running(app, ["gpu-0", "llm", "gpu-0"], name="left") as worker:
        await until(lambda: some(database_url))
        [found] = await introduced(database_url)
        assert found == {"id": worker.worker_id, "name": "left", "queues": ["gpu-0", "llm"], "pid": os.getpid()}
    assert await introduced(database_url) == []
    assert await rows(database_url, "SELECT 1 FROM procrastinate_workers") == []


async def some(url: str) -> bool:
    return bool(await introduced(url))


async def test_a_worker_that_was_forgotten_while_it_was_silent_introduces_itself_again(
    app: ProbeApp, database: Database, database_url: str
) -> None:
    async with running(app, ["llm"], name="silent") as worker:
        await until(lambda: some(database_url))
        await rows(
            database_url,
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id = %s",
            worker.worker_id,
        )
        await rows(database_url, "DELETE FROM procrastinate_workers WHERE id = %s", worker.worker_id)
        await sweep_stalled(database)
        await until(lambda: again(database_url, worker.worker_id))
        ticket = await defer(app, "quick", "llm")
        await until(lambda: app.diary.of("ran") == [ticket])
    assert await introduced(database_url) == []


async def again(url: str, worker: int) -> bool:
    heart = await rows(url, "SELECT id FROM procrastinate_workers")
    return [row["id"] for row in heart] == [worker] == [row["id"] for row in await introduced(url)]


async def test_the_introduction_of_a_dead_worker_goes_with_its_heart(database: Database, database_url: str) -> None:
    await rows(
        database_url, "INSERT INTO workers (id, name, queues, host, pid) VALUES (999, 'dead', '{gpu-0}', 'box', 1)"
    )
    await sweep_stalled(database)
    assert await introduced(database_url) == []


async def test_a_queue_that_has_room_and_no_work_is_told_and_a_shut_one_is_left_alone(
    app: ProbeApp, database_url: str
) -> None:
    dry: list[str] = []
    app.gates.close("gpu-1", "away")
    waiting = await defer(app, "quick", "gpu-1")
    async with running(app, ["gpu-0", "gpu-1"]):
        app.gates.on_dry = dry.append
        await until(lambda: listening(database_url))
        await defer(app, "quick", "gpu-0")
        await until(lambda: "gpu-0" in dry)
        # it may have been dry before the ticket came: then its end is still to be written

        async def only_the_shut_one() -> bool:
            return await tickets(database_url) == {waiting: "todo"}

        await until(only_the_shut_one)
        assert "gpu-1" not in dry
        app.gates.open("gpu-1", "away")
        await until(lambda: waiting in app.diary.of("ran"))
        await until(lambda: "gpu-1" in dry)
