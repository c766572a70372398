"""The REST app behind a real server on a free port, and a reader of its event streams."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from api.streaming.streams import Patience
from jobs.commands.sse import EventParser
from jobs.db.session import Database
from tests.api.opened_api import ANNA, BORIS, new_key, rest_app
from tests.factories import plain_tracebacks
from tests.jobs.queue_probe import until

Json = dict[str, Any]

LONG = 20.0


@dataclass
class LiveApi:
    app: FastAPI
    url: str
    anna: httpx.AsyncClient
    boris: httpx.AsyncClient

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    def hurry(self, **seconds: float) -> None:
        """Shorter than its patience is in production."""
        self.app.state.streams.patience = Patience(**seconds)


@dataclass(frozen=True)
class Told:
    type: str
    data: Json
    id: str


@dataclass
class Stream:
    """One open stream, read event by event. `place` is what a client would send to resume."""

    response: httpx.Response
    parser: EventParser
    waiting: list[Told] = field(default_factory=list)
    pings: int = 0
    place: str = ""

    def __post_init__(self) -> None:
        self.chunks = self.response.aiter_raw()

    async def next(self) -> Told:
        """Fails when the stream ends, or stays silent for long."""
        async with asyncio.timeout(LONG):
            while not self.waiting:
                self._take(await anext(self.chunks))
        told = self.waiting.pop(0)
        self.place = told.id
        return told

    async def take(self, count: int) -> list[Told]:
        return [await self.next() for _ in range(count)]

    async def ping(self) -> None:
        async with asyncio.timeout(LONG):
            while not self.pings:
                self._take(await anext(self.chunks))

    async def rest(self) -> list[Told]:
        """Everything up to the end of the stream, which must come."""
        async with asyncio.timeout(LONG):
            async for chunk in self.chunks:
                self._take(chunk)
        rest, self.waiting = self.waiting, []
        return rest

    def _take(self, chunk: bytes) -> None:
        self.pings += chunk.count(b": ping\n")
        self.waiting += [Told(event.type, json.loads(event.data), event.id) for event in self.parser.feed(chunk)]


@asynccontextmanager
async def stream(client: httpx.AsyncClient, path: str, *, last: str = "", **headers: str) -> AsyncIterator[Stream]:
    given = {"Accept": "text/event-stream", **headers} | ({"Last-Event-ID": last} if last else {})
    async with client.stream("GET", path, headers=given) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response, EventParser(last))


@asynccontextmanager
async def served_app(app: Any) -> AsyncIterator[str]:
    """The address of a server that runs in this loop."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started or task.done())
        assert not task.done(), "the server did not start"
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    async with served_app(app) as url:
        try:
            yield url
        finally:
            app.state.hub.drain()  # as a signal would


@asynccontextmanager
async def live_api(database_url: str) -> AsyncIterator[LiveApi]:
    plain_tracebacks()
    app = rest_app(database_url)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(app))
        keys = [await new_key(app.state.database, owner) for owner in (ANNA, BORIS)]
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=LONG
                )
            )
            for key in keys
        ]
        yield LiveApi(app, url, *clients)
