"""A TCP relay that a test can make silent: it goes on accepting and acknowledging, and forwards nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class Relay:
    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self.open_lines: set[asyncio.Event] = set()
        self.swallow_new = False
        self.swallow_answers = False

    def go_silent(self, *, new_too: bool = False) -> None:
        """The connections of now are forwarded no more; later ones are, unless `new_too`."""
        for line in self.open_lines:
            line.set()
        self.swallow_new = new_too

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent = asyncio.Event()
        if self.swallow_new:
            silent.set()
        self.open_lines.add(silent)
        ends = [writer]
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self.target)
            ends.append(upstream_writer)
            await asyncio.gather(
                self._forward(reader, upstream_writer, silent, answers=False),
                self._forward(upstream_reader, writer, silent, answers=True),
            )
        finally:
            self.open_lines.discard(silent)
            for end in ends:
                end.close()
            for end in ends:
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _forward(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, silent: asyncio.Event, *, answers: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if not silent.is_set() and not (answers and self.swallow_answers):
                    target.write(data)
                    await target.drain()
            target.close()


@contextlib.asynccontextmanager
async def relay_to(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """The relay, and the same address through it."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    relay = Relay(parts.hostname, parts.port)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await relay.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay, url.replace(f":{parts.port}/", f":{relay.port}/")
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(list(tasks))
