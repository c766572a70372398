"""Worker processes over lanes: none idles beside a long queue, and one that goes takes no picture with it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jobs import housekeeping
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from jobs.settings import LaneSettings
from sandbox.comfyui.runs import Run
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.serve import serving
from tests.conftest import ROOT
from tests.e2e.stack import until
from tests.factories import execute, job, rows, submit, value, worker

PROCRASTINATE = Path(sys.executable).with_name("procrastinate")


class SlowS3:
    """Takes every picture, and says so when it is told to."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: list[str] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._put, methods=["PUT"])])

    async def _put(self, request: Request) -> Response:
        await request.body()
        self.asked.append(request.url.path)
        await self.answers.wait()
        return Response(headers={"ETag": '"1"'})


@dataclass
class Fleet:
    database: Database
    servers: list[ComfyServer]
    resources: Resources
    folder: Path
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def start(self, lane: int, **environment: str) -> subprocess.Popen[bytes]:
        """As an operator does; returns when its lane is connected."""
        known = len(self.processes)
        log = (self.folder / f"worker-{known}.log").open("wb")
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            [PROCRASTINATE, "--app=jobs.worker.app", "worker", f"--queues=gpu-{lane}", "--concurrency=2"],
            env=self.environment | environment, stdout=log, stderr=log, cwd=ROOT,
        )  # fmt: skip
        log.close()
        self.processes.append(process)
        query = "SELECT 1 FROM workers JOIN lanes ON queue = ANY(queues) WHERE pid = :pid AND healthy"
        await until(lambda: rows(self.database, query, pid=process.pid), bool)
        return process

    async def submit(self, lane: int, *prompts: str) -> list[Job]:
        """All to this lane, as if the others had been full then."""
        others = [number for number in range(len(self.servers)) if number != lane]
        for number in others:
            await execute(self.database, f"INSERT INTO paused_queues (name, mode) VALUES ('gpu-{number}', 'drain')")
        made = [await submit(self.resources, "generate_image", {"prompt": prompt}) for prompt in prompts]
        await execute(self.database, "DELETE FROM paused_queues")
        assert {each.queue for each in made} == {f"gpu-{lane}"}
        return made

    async def cancel(self, made: Job) -> None:
        async with self.database.transaction() as connection:
            await self.resources.intake.cancel(connection, made.id, made.owner)

    async def status(self, made: Job) -> str:
        return (await job(self.database, made.id)).status

    async def until_status(self, made: Job, status: str) -> None:
        await until(lambda: self.status(made), lambda found: found == status)

    async def until_completed(self, count: int) -> None:
        query = "SELECT id FROM jobs WHERE status = 'completed'"
        await until(lambda: rows(self.database, query), lambda found: len(found) >= count)

    async def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As a power cut does; its silence is made old enough, and the housekeeping comes by."""
        process.kill()
        await asyncio.to_thread(process.wait, 10)
        beat = "UPDATE procrastinate_workers SET last_heartbeat ="
        mine = f"IN (SELECT id FROM workers WHERE pid = {process.pid})"
        await execute(
            self.database,
            f"{beat} now() WHERE id NOT {mine}",
            f"{beat} now() - interval '1 hour' WHERE id {mine}",
        )
        # the tests' PostgreSQL may have been up for a few seconds only, and silence counts from its start
        assert await housekeeping.sweep_stalled(self.database, 2.0) > 0
        await housekeeping.move_unserved(self.database)

    def drawn(self) -> list[Run]:
        """What a GPU has drawn to its end, and did not take from its own cache."""
        return [
            run for server in self.servers for run in server.log.runs if run.outcome == "success" and not run.cached
        ]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)


@asynccontextmanager
async def fleet(database: Database, url: str, folder: Path, lanes: int, **environment: str) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as opened:
        quick = ComfySettings(seconds_per_picture=0.3)
        servers = [await opened.enter_async_context(ComfyServer(quick, port=0)) for _ in range(lanes)]
        hosts = ",".join(server.host for server in servers)
        resources = await opened.enter_async_context(worker(database))
        resources.intake.lanes = LaneSettings(comfyui_hosts=hosts, _env_file=None)
        given = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url,
            "COMFYUI_HOSTS": hosts,
            "MEDIA_URL": f"file:{folder}/media",
            "WORKER_SHUTDOWN_GRACE": "20",
        }
        running = Fleet(database, servers, resources, folder, given | environment)
        try:
            yield running
        finally:
            await asyncio.to_thread(running.stop)


async def gone(process: subprocess.Popen[bytes]) -> int:
    return await asyncio.to_thread(process.wait, 20)


def pictures(count: int) -> list[str]:
    return [f"picture {number:02}" for number in range(count)]


async def test_two_lanes_share_what_was_put_on_one_and_nothing_is_drawn_twice(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with fleet(database, database_url, tmp_path, 2) as running:
        made = await running.submit(0, *pictures(10))
        await asyncio.gather(running.start(0), running.start(1))
        await running.until_completed(len(made))
        first, second = running.servers
        assert first.log.runs
        assert second.log.runs
        names = sorted(run.prompt_id for server in running.servers for run in server.log.runs)
        assert names == sorted(str(uuid5(each.id, "0:0")) for each in made)
        where = {str(uuid5(each.id, "0:0")): (await job(database, each.id)).queue for each in made}
        assert all(where[run.prompt_id] == "gpu-0" for run in first.log.runs)
        assert all(where[run.prompt_id] == "gpu-1" for run in second.log.runs)
        renders = await rows(database, "SELECT queue, count(*) FROM renders GROUP BY queue ORDER BY queue")
        assert [row["count"] for row in renders] == [len(first.log.runs), len(second.log.runs)]


async def test_a_picture_whose_worker_was_killed_is_completed_by_the_other_lane(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with fleet(database, database_url, tmp_path, 2) as running:
        first, _ = await asyncio.gather(running.start(0), running.start(1))
        running.servers[0].change(seconds_per_picture=60)
        [made] = await running.submit(0, "a fox")
        await running.servers[0].log.until(lambda runs: len(runs) == 1)
        await running.kill(first)
        await running.until_status(made, "completed")
        done = await job(database, made.id)
        assert (done.queue, done.failures) == ("gpu-1", 0)
        assert [run.outcome for run in running.servers[1].log.runs] == ["success"]
        assert len(await rows(database, "SELECT 1 FROM media")) == 1


async def test_a_worker_that_stops_gives_back_the_prefetched_one_at_once_and_finishes_the_running_one(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with fleet(database, database_url, tmp_path, 1) as running:
        [server] = running.servers
        server.change(seconds_per_picture=4)
        leaving = await running.start(0)
        [drawn] = await running.submit(0, "drawn")
        await server.log.until(bool)
        [prefetched] = await running.submit(0, "prefetched")
        await until(lambda: waits_inside(server, prefetched), bool)
        leaving.send_signal(signal.SIGTERM)
        query = "SELECT status::text FROM procrastinate_jobs WHERE id = :id"
        await until(lambda: value(database, query, id=prefetched.ticket_id), lambda status: status == "todo")
        assert server.log.runs[0].ended_at is None, "nobody waited for the other one"
        back = await job(database, prefetched.id)
        assert (back.attempt, back.failures, back.setbacks, back.run_token) == (0, 0, {}, None)
        assert not await waits_inside(server, prefetched)
        assert await gone(leaving) == 0
        assert await running.status(drawn) == "completed"
        server.change(seconds_per_picture=0.3)
        await running.start(0)
        await running.until_status(prefetched, "completed")
        assert [(run.prompt_id, run.outcome) for run in server.log.runs] == [
            (str(uuid5(each.id, "0:0")), "success") for each in (drawn, prefetched)
        ]


async def waits_inside(server: ComfyServer, made: Job) -> bool:
    """Is it prefetched: a prompt that waits in the server while another one runs?"""
    ids = [prompt.prompt_id for prompt in server.machine.queue.pending]
    return str(uuid5(made.id, "0:0")) in ids and bool(server.log.runs)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 2], ids=["alone", "beside an idle lane"])
async def test_a_picture_that_outlives_the_grace_time_is_adopted_by_the_next_worker_and_drawn_once(
    database: Database, database_url: str, tmp_path: Path, lanes: int
) -> None:
    async with fleet(database, database_url, tmp_path, lanes) as running:
        server = running.servers[0]
        server.change(seconds_per_picture=5)
        leaving, *_ = await asyncio.gather(
            running.start(0, WORKER_SHUTDOWN_GRACE="0.1"), *(running.start(number) for number in range(1, lanes))
        )
        [made] = await running.submit(0, "a fox")
        await server.log.until(lambda runs: len(runs) == 1)
        told = "SELECT 1 FROM job_events WHERE type = 'job.progress'"
        await until(lambda: rows(database, told), bool)
        leaving.send_signal(signal.SIGTERM)
        assert await gone(leaving) == 0
        await running.start(0)
        await running.until_status(made, "completed")
        done = await job(database, made.id)
        assert (done.failures, done.setbacks) == (0, {})
        assert len(server.log.runs) == 1
        assert running.drawn() == server.log.runs


async def test_cancel_of_a_waiting_a_prefetched_and_a_running_picture_hits_no_other(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with fleet(database, database_url, tmp_path, 1) as running:
        [server] = running.servers
        server.change(seconds_per_picture=30)
        await running.start(0)
        # one by one: of two that are fetched together either may be first
        [drawn] = await running.submit(0, "drawn")
        await server.log.until(bool)
        [prefetched] = await running.submit(0, "prefetched")
        await until(lambda: waits_inside(server, prefetched), bool)
        waiting, other = await running.submit(0, "waiting", "other")
        await running.cancel(waiting)
        assert await running.status(waiting) == "cancelled"
        await running.cancel(prefetched)
        await running.until_status(prefetched, "cancelled")
        assert server.log.runs[0].ended_at is None, "another one was hit"
        await until(lambda: waits_inside(server, other), bool)
        server.change(seconds_per_picture=0.3)
        await running.cancel(drawn)
        await running.until_status(drawn, "cancelled")
        await running.until_status(other, "completed")
        assert [(run.text.split(" |")[0], run.outcome) for run in server.log.runs] == [
            ("drawn", "interrupted"), ("other", "success"),
        ]  # fmt: skip
        costs = [(await job(database, each.id)).usage for each in (waiting, prefetched, drawn)]
        assert costs[0] == costs[1] == {}
        assert costs[2]["gpu_seconds"] > 0
        left = "SELECT 1 FROM procrastinate_jobs WHERE queue_name = 'gpu-0'"
        await until(lambda: rows(database, left), lambda found: found == [])


@asynccontextmanager
async def fleet_with_slow_store(
    database: Database, url: str, folder: Path, lanes: int = 1
) -> AsyncIterator[tuple[Fleet, SlowS3]]:
    store = SlowS3()
    async with serving(store.app) as address:
        s3: dict[str, Any] = {"S3_ENDPOINT": address, "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret"}
        async with fleet(database, url, folder, lanes, MEDIA_URL="s3://pictures", **s3) as running:
            try:
                yield running, store
            finally:
                store.answers.set()


async def test_a_media_store_that_does_not_answer_holds_up_no_gpu(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    async with fleet_with_slow_store(database, database_url, tmp_path) as (running, store):
        [server] = running.servers
        await running.start(0)
        made = await running.submit(0, *pictures(6))
        await server.log.until(lambda runs: len([run for run in runs if run.ended_at]) == len(made), 20)
        assert await value(database, "SELECT count(*) FROM jobs WHERE status = 'completed'") == 0
        for earlier, later in zip(server.log.runs, server.log.runs[1:], strict=False):
            assert later.queued_at < (earlier.ended_at or 0), "the GPU waited for its next prompt"
        await until(lambda: count(store), lambda found: found == len(made))
        store.answers.set()
        await running.until_completed(len(made))
        assert len(server.log.runs) == len(made)


async def count(store: SlowS3) -> int:
    return len(set(store.asked))


@pytest.mark.slow
async def test_a_worker_that_is_killed_before_the_bytes_are_stored_lets_nothing_be_drawn_again(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """What ComfyUI has drawn stays known there until the job is completed: cleaning up comes last."""
    async with fleet_with_slow_store(database, database_url, tmp_path) as (running, store):
        [server] = running.servers
        killed = await running.start(0)
        made = await running.submit(0, *pictures(3))
        await until(lambda: count(store), lambda found: found == len(made))
        await running.kill(killed)
        store.answers.set()
        await running.start(0)
        await running.until_completed(len(made))
        assert len(running.drawn()) == len(made), "drawn again"
        assert len(server.log.of(str(uuid5(made[0].id, "0:0")))) == 1
