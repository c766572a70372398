"""The process is told to stop: who hears of it at once, and how long may open requests go on?

uvicorn ends the lifespan only after the last connection has closed, and an event stream never closes by itself. So what
must begin with the signal begins in a handler that stands in front of the server's own.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# for requests that do not end by themselves, such as one whose client does not read: then they are broken off
GRACE_SECONDS = 4


@contextmanager
def on_stop_signal(begin: Callable[[], None]) -> Iterator[None]:
    """`begin` is called in the event loop as soon as the signal comes, and the server's own handler as ever.

    Where there is no such handler (the signal just kills) or it is not ours to set (another thread), nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    replaced: dict[int, Callable[[int, FrameType | None], object]] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin)
        bound_patience(replaced[number])
        replaced[number](number, frame)

    for stop in STOP_SIGNALS:
        handler = signal.getsignal(stop)
        if callable(handler):
            replaced[stop] = handler
            signal.signal(stop, handle)
    try:
        yield
    finally:
        for number, handler in replaced.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)


def bound_patience(handler: Callable[[int, FrameType | None], object]) -> None:
    """uvicorn waits for open requests for ever, unless it was started with --timeout-graceful-shutdown."""
    server = getattr(handler, "__self__", None)
    if isinstance(server, uvicorn.Server) and server.config.timeout_graceful_shutdown is None:
        server.config.timeout_graceful_shutdown = GRACE_SECONDS
