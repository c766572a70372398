"""One address of a stand-in for an HTTP API: it remembers its requests, and fails in any of the ways that HTTP can."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.llm import faults
from sandbox.llm.faults import BrokenJson, CutOff, Hang, Refusal, StreamError, Trickle
from sandbox.llm.requests import Outcome, ReceivedRequest
from sandbox.llm.script import Script

HUGE_PIECE = b" " * 65536


@dataclass(frozen=True)
class Huge:
    """200, and so many bytes that say nothing."""

    size: int


HttpFault = faults.Fault | Huge
Answer = Callable[[Request, dict[str, Any]], Awaitable[Response]]


class Place(Script):
    """An ASGI endpoint, since only that can break off an answer that it has begun.

    A client that leaves ends the answer, not what the answer has set in motion by itself.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer_with = answer

    def order(self, *faults: HttpFault) -> None:
        """Each of the next requests takes one; the ones after them are answered."""
        self.faults.extend(faults)  # type: ignore[arg-type]  # it only keeps them, and we know one more

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await _json(request)
        received = ReceivedRequest(body, dict(request.headers), path=request.url.path, query=request.url.query)
        await self.record(received)
        answering = asyncio.ensure_future(self._answer(request, received, send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            received.outcome = answering.result() if answering.done() else "client left"
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            received.finished = time.monotonic()

    async def _answer(self, request: Request, received: ReceivedRequest, send: Send) -> Outcome:
        fault: HttpFault | None = self.next_fault()
        if isinstance(fault, Hang):
            await asyncio.sleep(fault.seconds if fault.seconds is not None else 86_400)
            return "failed"
        await self.gate.wait()
        if isinstance(fault, Refusal):
            await _whole(_refusal(fault), send)
            return "refused"
        if isinstance(fault, Huge):
            await _huge(fault.size, send)
            return "failed"
        response = await self.answer_with(request, received.body)
        if fault is None:
            await _whole(response, send)
            return "answered"
        await _broken(response, fault, send)
        return "failed"


def _refusal(refusal: Refusal) -> Response:
    if isinstance(refusal.body, str):
        return Response(refusal.body, refusal.status, dict(refusal.headers), "text/html")
    return JSONResponse(refusal.body, refusal.status, dict(refusal.headers))


async def _whole(response: Response, send: Send) -> None:
    await _start(response, send)
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _broken(response: Response, fault: HttpFault, send: Send) -> None:
    body = bytes(response.body)
    half = body[: len(body) // 2]
    match fault:
        case CutOff():
            # what was asked for is done, and the client cannot know
            await _start(response, send)
            await send({"type": "http.response.body", "body": half, "more_body": True})
        case BrokenJson():
            await _whole(Response(half, media_type=response.media_type), send)
        case Trickle():
            await _start(response, send)
            for position in range(len(body)):
                await send({"type": "http.response.body", "body": body[position : position + 1], "more_body": True})
                await asyncio.sleep(fault.seconds_per_character)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        case Hang() | Refusal() | Huge() | StreamError():
            raise AssertionError(f"{fault} is nothing that an answer can do")


async def _huge(size: int, send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    with contextlib.suppress(OSError):
        for _ in range(max(1, size // len(HUGE_PIECE))):
            await send({"type": "http.response.body", "body": HUGE_PIECE, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _start(response: Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
