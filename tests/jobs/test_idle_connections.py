"""A reply was lost in doubt: it went into a connection that the server, after five idle seconds, was just closing."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from jobs.resources import _http_client

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
# servers wait for five, and a busy worker reads an answer late
IDLE = 4.0


async def test_no_request_goes_into_a_connection_that_has_been_idle_for_nearly_as_long_as_servers_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, AsyncExitStack() as stack:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        client = await _http_client(stack)
        for _ in range(2):
            await client.get(address)
        assert len(connections) == 1
        clock = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: clock() + IDLE)
        await client.get(address)
        assert len(connections) == 2
    for writer in connections:
        await writer.wait_closed()
