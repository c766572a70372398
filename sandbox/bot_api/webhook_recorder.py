"""A webhook for tests: what did the Bot API send, and what shall it be told?"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.bot_api.connection import DroppableApp, close_connection
from sandbox.bot_api.server import served
from sandbox.bot_api.wire import Wire, now

Answer = Callable[[Wire], Awaitable[Response | None]]


@dataclass(frozen=True)
class Received:
    """`client_port` tells connections apart."""

    update: Wire
    headers: dict[str, str]
    at: float
    client_port: int

    @property
    def update_id(self) -> int:
        return int(self.update["update_id"])

    @property
    def text(self) -> str | None:
        message = self.update.get("message") or self.update.get("edited_message") or {}
        return message.get("text")


async def accept(update: Wire) -> Response | None:
    return Response()


class WebhookRecorder:
    """Set `answer` to decide on each update; a None in place of an answer closes the connection."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: Answer = accept
        self.arrived = asyncio.Event()
        self.url = ""

    async def take(self, request: Request) -> Response:
        update: Wire = await request.json()
        port = request.client.port if request.client else 0
        self.received.append(Received(update, dict(request.headers), now(), port))
        self.arrived.set()
        answer = await self.answer(update)
        if answer is None:
            close_connection(request.scope)
            await asyncio.sleep(0)
            return Response(status_code=500)
        return answer

    async def wait_for(self, count: int, *, timeout: float = 10) -> list[Received]:
        """The first `count` updates, as soon as they are there."""
        async with asyncio.timeout(timeout):
            while len(self.received) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.received[:count]


@asynccontextmanager
async def recording_webhook() -> AsyncIterator[WebhookRecorder]:
    recorder = WebhookRecorder()
    app = DroppableApp(openapi_url=None)
    app.router.routes.append(Route("/webhook", recorder.take, methods=["POST"]))
    async with served(app) as url:
        recorder.url = f"{url}/webhook"
        yield recorder
