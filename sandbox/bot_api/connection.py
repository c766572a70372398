"""How is a connection closed without an answer? ASGI has no word for it, so uvicorn's own transport is asked."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

TRANSPORT = "sandbox.bot_api.transport"


class DroppableApp(FastAPI):
    """Remembers the transport of each request; the outermost `send` is a method of the object that owns it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[TRANSPORT] = getattr(getattr(send, "__self__", None), "transport", None)
        await super().__call__(scope, receive, send)


def close_connection(scope: MutableMapping[str, Any]) -> None:
    transport = scope.get(TRANSPORT)
    if not isinstance(transport, asyncio.Transport | asyncio.BaseTransport):
        raise RuntimeError("A fault that drops connections needs uvicorn as the server of the sandbox.")
    getattr(transport, "abort", transport.close)()
