"""A Bot API at the end of a slow line: what comes in is read at so many bytes a second, then answered."""

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

# a picture of one megabyte takes two thirds of a second
BYTES_PER_SECOND = 1_500_000
CHUNK = 16_384
# otherwise the kernel takes the whole picture at once, however slowly it is read
BUFFER = 32_768
CHAT_ID = re.compile(rb'name="chat_id"\r\n(?:[^\r\n]+\r\n)*\r\n(-?\d+)')


@dataclass(frozen=True)
class Photo:
    """`seconds` passed while its bytes came in."""

    chat_id: int
    size: int
    seconds: float
    arrived: float


class SlowTelegram:
    def __init__(self) -> None:
        self.port = 0
        self.photos: list[Photo] = []

    @property
    def chats(self) -> int:
        return len({photo.chat_id for photo in self.photos})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, kept alive."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                began = time.monotonic()
                body = await self._body(reader, _length(head))
                if head.split(b" ", 2)[1].endswith(b"/sendPhoto"):
                    self._note(body, time.monotonic() - began)
                writer.write(_answer(len(self.photos)))
                await writer.drain()
        writer.close()

    async def _body(self, reader: asyncio.StreamReader, length: int) -> bytes:
        began, body = time.monotonic(), bytearray()
        while len(body) < length:
            chunk = await reader.read(min(CHUNK, length - len(body)))
            if not chunk:
                raise asyncio.IncompleteReadError(bytes(body), length)
            body += chunk
            await asyncio.sleep(max(0.0, began + len(body) / BYTES_PER_SECOND - time.monotonic()))
        return bytes(body)

    def _note(self, body: bytes, seconds: float) -> None:
        found = CHAT_ID.search(body)
        assert found is not None, "a photo is sent to a chat"
        self.photos.append(Photo(int(found[1]), len(body), seconds, time.time()))


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def _answer(number: int) -> bytes:
    photo = [{"file_id": f"photo-{number}", "file_unique_id": f"p{number}", "width": 1, "height": 1}]
    message = {"message_id": number, "date": 1790000000, "chat": {"id": 1, "type": "private"}, "photo": photo}
    said = json.dumps({"ok": True, "result": message}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n"
    return head.encode() + said


@contextlib.asynccontextmanager
async def slow_telegram() -> AsyncIterator[SlowTelegram]:
    telegram = SlowTelegram()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # accepted connections inherit it
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    listener.bind(("127.0.0.1", 0))
    connections: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[writer] = ended = asyncio.Event()
        try:
            await telegram.serve(reader, writer)
        finally:
            ended.set()

    server = await asyncio.start_server(serve, sock=listener, limit=BUFFER)
    telegram.port = server.sockets[0].getsockname()[1]
    try:
        yield telegram
    finally:
        server.close()
        for writer, ended in list(connections.items()):
            writer.transport.abort()
            await ended.wait()
