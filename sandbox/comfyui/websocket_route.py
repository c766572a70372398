"""The websocket /ws: registration by client id, with the flaw of the real one left in.

Whoever connects takes the id over; whoever ends removes the id, even when somebody else holds it by then. So a
socket that comes back with the id of one that vanished a moment ago goes silent for good, without any error.
"""

import asyncio
import json
import uuid
from typing import Any

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from sandbox.comfyui.info_routes import FEATURES
from sandbox.comfyui.instance import Instance

GOODBYE = (1000, 1001)


def websocket_route(instance: Instance) -> WebSocketRoute:
    publisher = instance.machine.publisher

    async def handle(socket: WebSocket) -> None:
        sid = socket.query_params.get("clientId") or uuid.uuid4().hex
        await socket.accept()
        publisher.sockets[sid] = socket
        publisher.flags.pop(sid, None)
        publisher.to_client("status", {"status": instance.machine.status(), "sid": sid}, sid)
        if publisher.client_id == sid and publisher.last_node is not None:
            publisher.to_client("executing", {"node": publisher.last_node}, sid)
        try:
            if await listen(socket, sid) not in GOODBYE:
                await asyncio.sleep(instance.machine.settings.abrupt_close_lag)
        finally:
            publisher.sockets.pop(sid, None)
            publisher.flags.pop(sid, None)

    async def listen(socket: WebSocket, sid: str) -> int:
        """The code of the close. Only the first message of all may negotiate feature flags."""
        first = True
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return int(message.get("code") or 1005)
            asked = parse_flags(message.get("text")) if first else None
            first = False
            if asked is not None:
                publisher.flags[sid] = asked
                publisher.to_client("feature_flags", FEATURES, sid)

    return WebSocketRoute("/ws", handle)


def parse_flags(text: str | None) -> dict[str, Any] | None:
    try:
        message = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(message, dict) or message.get("type") != "feature_flags":
        return None
    data = message.get("data")
    return data if isinstance(data, dict) else {}
