"""Who gets which websocket message? One loop sends everything in order, so one reader that stops reading blocks all."""

import asyncio
import contextlib
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

BINARY_PREVIEW = 1
BINARY_PREVIEW_WITH_METADATA = 4
FORMATS = {"image/jpeg": 1, "image/png": 2}


@dataclass
class Publisher:
    """`client_id` owns the prompt that runs now (or ran last); `last_node` is told to it when it connects again."""

    sockets: dict[str, WebSocket] = field(default_factory=dict)
    flags: dict[str, dict[str, Any]] = field(default_factory=dict)
    outbox: asyncio.Queue[tuple[str | bytes, str | None]] = field(default_factory=asyncio.Queue)
    client_id: str | None = None
    last_node: str | None = None
    awake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.awake.set()

    def broadcast(self, event: str, data: dict[str, Any]) -> None:
        self.outbox.put_nowait((frame(event, data), None))

    def to_client(self, event: str, data: dict[str, Any], sid: str) -> None:
        self.outbox.put_nowait((frame(event, data), sid))

    def to_owner(self, event: str, data: dict[str, Any]) -> None:
        """Nobody hears of it when the prompt came without a client_id."""
        if self.client_id is not None:
            self.to_client(event, data, self.client_id)

    def to_owner_or_all(self, event: str, data: dict[str, Any]) -> None:
        self.outbox.put_nowait((frame(event, data), self.client_id))

    def picture(self, image: bytes, mime: str, metadata: dict[str, Any]) -> None:
        """With metadata goes before the progress message, without it after: the caller asks `knows_metadata`."""
        if self.knows_metadata():
            meta = json.dumps({**metadata, "image_type": mime}).encode()
            head = struct.pack(">II", BINARY_PREVIEW_WITH_METADATA, len(meta)) + meta
        else:
            head = struct.pack(">II", BINARY_PREVIEW, FORMATS[mime])
        self.outbox.put_nowait((head + image, self.client_id))

    def knows_metadata(self) -> bool:
        return bool(self.flags.get(self.client_id or "", {}).get("supports_preview_metadata"))

    async def run(self) -> None:
        while True:
            message, sid = await self.outbox.get()
            await self.awake.wait()
            for socket in self.targets(sid):
                await send(socket, message)

    def targets(self, sid: str | None) -> list[WebSocket]:
        if sid is None:
            return list(self.sockets.values())
        return [self.sockets[sid]] if sid in self.sockets else []


def frame(event: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": event, "data": data})


async def send(socket: WebSocket, message: str | bytes) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        if isinstance(message, str):
            await socket.send_text(message)
        else:
            await socket.send_bytes(message)
