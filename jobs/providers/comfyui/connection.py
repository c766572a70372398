"""The websocket to one ComfyUI: opened again whenever it ends, each time under a new client id.

An id used again may lead to a socket that stays open and silent for good, so none ever is.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from jobs.providers.comfyui import failures
from jobs.providers.comfyui.protocol import Message, Status, parse

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
OPEN_TIMEOUT = 5.0
NEGOTIATION = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


class Connection:
    """`on_message` and `on_change` (connected or not) are plain calls: nothing that reads may wait for anything."""

    def __init__(
        self, url: str, *, heartbeat: float, on_message: Callable[[Message], None], on_change: Callable[[bool], None]
    ) -> None:
        self.url = url
        self.heartbeat = heartbeat
        self.on_message = on_message
        self.on_change = on_change
        self.client_id = ""
        self.connected = False
        self.trouble = "not connected yet"
        self.wanted = asyncio.Event()
        self.waiting: list[asyncio.Future[bool]] = []
        self.task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.task = asyncio.create_task(self.run(), name=f"comfyui {self.url}")

    async def aclose(self) -> None:
        if self.task is None:
            return
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.tell_waiting(False)

    async def ready(self) -> None:
        """Tries at once when not connected. Raises when that attempt fails."""
        if self.connected:
            return
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.waiting.append(waiter)
        self.wanted.set()
        try:
            async with asyncio.timeout(2 * OPEN_TIMEOUT):
                connected = await waiter
        except TimeoutError:
            connected = False
        if not connected:
            raise failures.unreachable(self.trouble)

    async def run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            was_connected = await self.one_generation()
            pause = FIRST_PAUSE if was_connected else min(LONGEST_PAUSE, pause * 2)
            # whoever needs the server does not wait for the end of the pause
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.wanted.wait()

    async def one_generation(self) -> bool:
        """From connecting to the loss. True when the server had greeted us."""
        self.client_id = uuid.uuid4().hex
        self.wanted.clear()
        try:
            async with connect(
                f"{self.url}/ws?clientId={self.client_id}",
                max_size=None,
                compression=None,
                proxy=None,
                open_timeout=OPEN_TIMEOUT,
                ping_interval=self.heartbeat,
                ping_timeout=self.heartbeat / 2,
                close_timeout=1,
            ) as socket:
                await self.read(socket)
            self.trouble = "the connection ended"
        except (OSError, TimeoutError, WebSocketException) as error:
            self.trouble = type(error).__name__
        finally:
            was_connected = self.connected
            self.became(False)
        return was_connected

    async def read(self, socket: ClientConnection) -> None:
        await socket.send(NEGOTIATION)
        async for frame in socket:
            message = parse(frame)
            if isinstance(message, Status):
                # the first one says that the server has our client id
                self.became(True)
            if message is not None:
                self.on_message(message)

    def became(self, connected: bool) -> None:
        changed = connected != self.connected
        self.connected = connected
        if connected or not self.wanted.is_set():
            self.tell_waiting(connected)
        if changed:
            self.on_change(connected)

    def tell_waiting(self, connected: bool) -> None:
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(connected)
        self.waiting.clear()
