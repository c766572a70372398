"""HTTP/1.1 as lean as it gets, so that what is measured is not the meter: a keep-alive client and a tiny server.

Standard library only: the rivals run in a virtual environment that has little else.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

Answer = Callable[[str, bytes], Awaitable[bytes]]

BLANK_LINE = b"\r\n\r\n"
# uvicorn closes what was idle for five
FRESH_SECONDS = 3.0


class Unreadable(Exception):
    """The peer does not speak the little HTTP that is understood here."""


class Messages:
    """Cuts a stream of bytes into HTTP messages with Content-Length bodies: (head, body)."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        self.buffer += data
        found = []
        while (end := self.buffer.find(BLANK_LINE)) >= 0:
            head = bytes(self.buffer[:end])
            whole = end + len(BLANK_LINE) + content_length(head)
            if len(self.buffer) < whole:
                break
            found.append((head, bytes(self.buffer[end + len(BLANK_LINE) : whole])))
            del self.buffer[:whole]
        return found


def content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(b"\r\ncontent-length:")
    if start >= 0:
        return int(lowered[start + 17 :].split(b"\r\n", 1)[0])
    if b"\r\ntransfer-encoding:" in lowered:
        raise Unreadable("A chunked body came; only Content-Length is understood here.")
    return 0


class Connection(asyncio.Protocol):
    """One keep-alive connection of a client; one request at a time."""

    def __init__(self) -> None:
        self.messages = Messages()
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport | None = None
        self.lost = False
        self.used = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by inheritance
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for head, body in self.messages.feed(data):
            if self.answer and not self.answer.done():
                self.answer.set_result((int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self.answer and not self.answer.done():
            self.answer.set_exception(error or ConnectionResetError("The server closed the connection."))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        assert self.transport is not None, "connected"
        if self.lost:
            raise ConnectionResetError("The server closed the connection.")
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        answer = await self.answer
        self.used = time.monotonic()
        return answer

    @property
    def fresh(self) -> bool:
        return not self.lost and time.monotonic() - self.used < FRESH_SECONDS

    def close(self) -> None:
        if self.transport:
            self.transport.close()


async def connect(host: str, port: int) -> Connection:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, host, port)
    return connection


class Client:
    """As many keep-alive connections to one server as there are requests at the same time."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.idle: list[Connection] = []

    async def post(self, path: str, body: bytes, *headers: str) -> tuple[int, bytes]:
        connection = self._take() or await connect(*self.address)
        answer = await connection.send(request(path, body, *headers))
        self.idle.append(connection)
        return answer

    def _take(self) -> Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if connection.fresh:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        for connection in self.idle:
            connection.close()


def request(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers]).encode() + BLANK_LINE + body


class Served(asyncio.Protocol):
    """One connection to the tiny server; answers in the order of the requests."""

    def __init__(self, answer: Answer) -> None:
        self.messages = Messages()
        self.answer = answer
        self.tasks: set[asyncio.Task[None]] = set()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by inheritance
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        for head, body in self.messages.feed(data):
            path = head.split(b" ", 2)[1].decode()
            task = asyncio.get_running_loop().create_task(self._answer(path, body))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _answer(self, path: str, body: bytes) -> None:
        said = await self.answer(path, body)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}"
        if self.transport and not self.transport.is_closing():
            self.transport.write(head.encode() + BLANK_LINE + said)


@contextlib.asynccontextmanager
async def serving(answer: Answer, port: int = 0) -> AsyncIterator[int]:
    """Yields the port. `answer(path, body)` gives the body of a 200."""
    loop = asyncio.get_running_loop()
    connections: list[Served] = []

    def protocol() -> Served:
        connections.append(Served(answer))
        return connections[-1]

    server = await loop.create_server(protocol, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in connections:
            if connection.transport:
                connection.transport.abort()
        await asyncio.sleep(0)  # lets the connections hear of their end
