"""A TCP relay before PostgreSQL that counts round trips: messages after which the client waits for the server."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
# Query, Sync and Flush: what makes the server answer
WAITING = b"QSH"


@dataclass
class Frontend:
    """Reads along with what one client says, and counts."""

    count: int = 0
    started: bool = False
    buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> int:
        """How many round trips these bytes begin."""
        self.buffer += data
        before = self.count
        while self._message():
            pass
        return self.count - before

    def _message(self) -> bool:
        head = 5 if self.started else 4
        if len(self.buffer) < head:
            return False
        (length,) = struct.unpack_from("!i", self.buffer, head - 4)
        whole = length + head - 4
        if len(self.buffer) < whole:
            return False
        if not self.started:
            (code,) = struct.unpack_from("!i", self.buffer, 4)
            self.started = code not in (SSL_REQUEST, GSS_REQUEST)
        elif self.buffer[0] in WAITING:
            self.count += 1
        del self.buffer[:whole]
        return True


@dataclass
class Relay:
    port: int = 0
    round_trips: int = 0
    connections: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@contextlib.asynccontextmanager
async def relaying(target_port: int) -> AsyncIterator[Relay]:
    """Between any client and the server at `target_port` of this machine."""
    relay = Relay()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection has a task"
        relay.tasks.add(task)
        relay.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await _relay(relay, reader, writer, target_port)
        relay.tasks.discard(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        tasks = list(relay.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _relay(relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target_port: int) -> None:
    server_reader, server_writer = await asyncio.open_connection("127.0.0.1", target_port)
    frontend = Frontend()

    def count(data: bytes) -> None:
        relay.round_trips += frontend.feed(data)

    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass_on(reader, server_writer, count))
            both.create_task(_pass_on(server_reader, writer, lambda data: None))
    except* ConnectionError:
        pass
    finally:
        for each in (writer, server_writer):
            each.close()
            with contextlib.suppress(ConnectionError):
                await each.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], None]) -> None:
    while data := await reader.read(65536):
        look(data)
        writer.write(data)
        await writer.drain()
    writer.close()
