"""How is the sandbox served: in the loop of a test, or as a process of its own?"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from sandbox.bot_api.app import create_app
from sandbox.bot_api.options import BotAccount, SandboxOptions
from sandbox.bot_api.sandbox import Sandbox

SECONDS_TO_FINISH = 5


class StoppableServer(uvicorn.Server):
    """Calls `before_stop` first: uvicorn waits for open answers, and an event stream would never end by itself."""

    def __init__(self, app: FastAPI, *, host: str, port: int, before_stop: Callable[[], None]) -> None:
        super().__init__(uvicorn.Config(app, host=host, port=port, log_level="warning", ws="none", lifespan="on"))
        self.before_stop = before_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.before_stop()
        await super().shutdown(sockets)


class EmbeddedServer(StoppableServer):
    """Leaves the signals of the process alone, and stops without uvicorn's fixed pauses, of which a test has no use."""

    def __init__(self, app: FastAPI, *, host: str, port: int, before_stop: Callable[[], None]) -> None:
        super().__init__(app, host=host, port=port, before_stop=before_stop)
        self.stop = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.before_stop()
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_FINISH):
                while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event
                    await asyncio.sleep(0.002)
        await self.lifespan.shutdown()


@asynccontextmanager
async def served(
    app: FastAPI, *, host: str = "127.0.0.1", port: int = 0, before_stop: Callable[[], None] = lambda: None
) -> AsyncIterator[str]:
    """Serves an app in the running event loop and gives its address; port 0 means any free one."""
    server = EmbeddedServer(app, host=host, port=port, before_stop=before_stop)
    serving = asyncio.create_task(server.serve())
    try:
        await until_started(server, serving)
        bound: int = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{host}:{bound}"
    finally:
        server.stop.set()
        await asyncio.gather(serving, return_exceptions=True)


async def until_started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    # uvicorn tells nobody that it has started
    while not server.started:
        if serving.done():
            raise RuntimeError(f"The sandbox could not listen on port {server.config.port}. Is it taken?")
        await asyncio.sleep(0.005)


@dataclass(frozen=True)
class RunningSandbox:
    """`url` is what a bot takes as address of the Bot API, and where the chat page and the control API are."""

    url: str
    sandbox: Sandbox


@asynccontextmanager
async def running_sandbox(
    *bots: str | BotAccount, options: SandboxOptions | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[RunningSandbox]:
    """A sandbox in the running event loop, on a free port unless one is given."""
    app = create_app(bots, options)
    sandbox: Sandbox = app.state.sandbox
    async with served(app, host=host, port=port, before_stop=sandbox.events.close) as url:
        yield RunningSandbox(url, sandbox)
