"""How to run an ASGI app on a free port inside the event loop of the caller: `async with serving(app) as base_url`."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.types import ASGIApp

BACKLOG = 2048


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, *, port: int = 0, stop_grace: float = 1.0) -> AsyncIterator[str]:
    """Yields `http://127.0.0.1:PORT` once the app's lifespan has started and the port accepts connections.

    At the end answers under way get `stop_grace` seconds, then they are cancelled. No signal handler is touched.
    """
    # the protocol by name: asyncio spares answers the 40 ms of Nagle's algorithm only where it reads TCP here
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
        server = await _started(app, listener, stop_grace)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await _stop(server, listener)


async def _started(app: ASGIApp, listener: socket.socket, stop_grace: float) -> uvicorn.Server:
    config = uvicorn.Config(
        app, lifespan="auto", log_config=None, access_log=False, backlog=BACKLOG,
        timeout_graceful_shutdown=stop_grace,  # type: ignore[arg-type]  # declared whole seconds, used as a float
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    try:
        # not serve(): that one takes the process's signal handlers and looks ten times a second whether to stop
        await server.startup([listener])
    except SystemExit:
        raise RuntimeError("The app did not start. The log record of uvicorn.error above says why.") from None
    await server.on_tick(0)  # fills in the default headers
    return server


async def _stop(server: uvicorn.Server, listener: socket.socket) -> None:
    await server.shutdown([listener])
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    # a cancelled answer still has its `finally` to run; pytest would find it pending otherwise
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
