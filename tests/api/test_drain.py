"""A real `uvicorn api.app:app`, and a real signal."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from types import FrameType

import httpx
import pytest
import uvicorn

from api.streaming.drain import bound_patience, on_stop_signal
from jobs.db.session import Database
from tests.api.live_api import LONG, stream
from tests.api.opened_api import ANNA, new_key
from tests.conftest import ROOT
from tests.jobs.events.writers import new_job, progress, run_to_end
from tests.jobs.queue_probe import until

PROMISED_SECONDS = 5.0
STREAMS = 20


def start(database_url: str, port: int, *options: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "DATABASE_URL": database_url, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "uvicorn", "api.app:app", "--port", str(port), *options]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


@asynccontextmanager
async def running_api(database_url: str, *options: str) -> AsyncIterator[tuple["subprocess.Popen[bytes]", str]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = start(database_url, port, *options)
    url = f"http://127.0.0.1:{port}"

    async def healthy() -> bool:
        assert process.poll() is None, "the server ended before it began"
        try:
            return (await http.get(f"{url}/healthz")).is_success
        except httpx.HTTPError:
            return False

    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            await until(healthy, 40)
        yield process, url
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def gone(process: "subprocess.Popen[bytes]") -> float:
    """Seconds that it took."""
    started = time.monotonic()
    await asyncio.to_thread(process.wait, LONG)
    return time.monotonic() - started


def clients(key: str, url: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=LONG, limits=limits)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_every_open_stream_takes_leave_when_the_server_is_told_to_stop(
    database: Database, database_url: str, stop: signal.Signals
) -> None:
    job, key = await new_job(database, owner=ANNA), await new_key(database, ANNA)
    async with running_api(database_url) as (process, url), clients(key, url) as http, AsyncExitStack() as stack:
        paths = [f"/v1/jobs/{job.id}/events", "/v1/events"] * (STREAMS // 2)
        streams = [await stack.enter_async_context(stream(http, path)) for path in paths]
        for each in streams:
            await each.next()
        process.send_signal(stop)
        seconds = await gone(process)
        last = [(await each.rest())[-1] for each in streams]
        assert [each.type for each in last] == ["reconnect"] * STREAMS
        assert all(1000 <= (each.parser.retry_ms or 0) < 2000 for each in streams)
        assert seconds < PROMISED_SECONDS
        assert process.returncode in (0, -stop)


async def test_a_reader_goes_on_at_the_next_server_without_a_gap(database: Database, database_url: str) -> None:
    job, key = await new_job(database, owner=ANNA), await new_key(database, ANNA)
    path = f"/v1/jobs/{job.id}/events"
    async with running_api(database_url) as (process, url), clients(key, url) as http:
        async with stream(http, path) as events:
            await events.next()
            await progress(database, job.id)
            await events.next()
            process.terminate()
            [farewell] = await events.rest()
            assert (farewell.type, farewell.id) == ("reconnect", "2")
        await gone(process)
    await run_to_end(database, job.id)
    async with running_api(database_url) as (_, url), clients(key, url) as http:
        resumed = stream(http, path, last=farewell.id)
        async with resumed as events:
            assert [each.id for each in (await events.rest())[1:]] == ["3", "4"]


async def test_a_client_that_reads_nothing_does_not_keep_the_server(database: Database, database_url: str) -> None:
    """Its unread bytes fill all buffers, so that neither a farewell nor the end of the stream would get through."""
    job, key = await new_job(database, owner=ANNA), await new_key(database, ANNA)
    for _ in range(60):
        await progress(database, job.id, preview="x" * 400_000)
    async with running_api(database_url) as (process, url):
        reader, writer = await asyncio.open_connection(*url.removeprefix("http://").split(":"), limit=1024)
        writer.write(
            f"GET /v1/jobs/{job.id}/events?after=0 HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n"
            "Accept: text/event-stream\r\n\r\n".encode()
        )
        assert b"200 OK" in await reader.readline()
        process.terminate()
        await gone(process)
        writer.transport.abort()


@pytest.mark.slow
async def test_two_processes_of_one_server_both_take_leave(database: Database, database_url: str) -> None:
    key = await new_key(database, ANNA)
    async with running_api(database_url, "--workers", "2") as (process, url), AsyncExitStack() as stack:
        streams = []
        for _ in range(8):
            http = await stack.enter_async_context(clients(key, url))
            streams.append(await stack.enter_async_context(stream(http, "/v1/events")))
            await streams[-1].next()
        process.terminate()
        await gone(process)
        assert [(await each.rest())[-1].type for each in streams] == ["reconnect"] * 8


@pytest.fixture
def restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("restored")
async def test_the_handler_that_was_there_is_called_too_and_put_back() -> None:
    called: list[int] = []

    def theirs(number: int, frame: FrameType | None) -> None:
        called.append(number)

    signal.signal(signal.SIGTERM, theirs)
    began = asyncio.Event()
    with on_stop_signal(began.set):
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(began.wait(), LONG)
    assert called == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is theirs


@pytest.mark.usefixtures("restored")
async def test_the_loop_s_own_handlers_are_called_too() -> None:
    """As servers install them that use loop.add_signal_handler."""
    loop, theirs, ours = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, theirs.set)
    try:
        with on_stop_signal(ours.set):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(asyncio.gather(theirs.wait(), ours.wait()), LONG)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


@pytest.mark.usefixtures("restored")
async def test_where_a_signal_just_kills_it_goes_on_to_kill() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with on_stop_signal(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_in_another_thread_nothing_is_installed() -> None:
    seen: list[object] = []

    async def look() -> None:
        with on_stop_signal(lambda: None):
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: asyncio.run(look()))
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.parametrize(("given", "kept"), [(None, 4), (30, 30)])
def test_the_operator_s_own_patience_stands(given: int | None, kept: int) -> None:
    server = uvicorn.Server(uvicorn.Config("nothing:here", timeout_graceful_shutdown=given))
    handler: Callable[[int, FrameType | None], object] = server.handle_exit
    bound_patience(handler)
    assert server.config.timeout_graceful_shutdown == kept
