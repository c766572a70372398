"""One request to a scripted language model: refused, answered whole or streamed, with the fault that was ordered."""

import asyncio
import json
import time
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, Protocol, assert_never

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.llm.answers import Answer, ScriptEnded
from sandbox.llm.faults import BrokenJson, CutOff, Fault, Hang, Refusal, StreamError, Trickle
from sandbox.llm.requests import Outcome, ReceivedRequest
from sandbox.llm.script import Script
from sandbox.llm.wire import pieces_of


class Wire(Protocol):
    """How one provider's requests and answers look."""

    media_type: str

    def malformed(self, body: Any) -> Refusal | None:
        """What is refused before it counts as a request."""

    def refusal(self, request: ReceivedRequest) -> Refusal | None:
        """What the provider does not answer: a wrong key, an unknown model."""

    def streams(self, request: ReceivedRequest) -> bool: ...

    def as_chat(self, request: ReceivedRequest) -> dict[str, Any]:
        """What the script's function gets: a model and messages."""

    def whole(self, answer: Answer, request: ReceivedRequest) -> dict[str, Any]: ...

    def events(self, answer: Answer, request: ReceivedRequest, pieces: list[str]) -> Iterator[bytes]:
        """Framed as they are sent. The first `before_text` of them say nothing yet."""

    before_text: int

    def error(self, message: str) -> dict[str, Any]: ...

    def framed(self, payload: dict[str, Any]) -> bytes: ...


class Endpoint:
    """An ASGI endpoint, since only that can break off an answer that it has begun."""

    def __init__(self, script: Script, wire: Wire) -> None:
        self.script = script
        self.wire = wire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = await well_formed(self.wire, scope, receive, send)
        if received is None:
            return
        await self.script.record(received)
        exchange = _Exchange(self.script, self.wire, received, scope, receive, send)
        received.outcome = await unless_client_leaves(exchange.answer(), receive)
        received.finished = time.monotonic()


class _Exchange:
    def __init__(
        self, script: Script, wire: Wire, received: ReceivedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.script = script
        self.wire = wire
        self.received = received
        self.scope = scope
        self.receive = receive
        self.send = send

    async def answer(self) -> Outcome:
        fault = self.wire.refusal(self.received) or self.script.next_fault()
        if isinstance(fault, Hang):
            await asyncio.sleep(fault.seconds if fault.seconds is not None else 86_400)
            return "failed"
        await asyncio.sleep(self.script.latency)
        await self.script.gate.wait()
        self.received.first_byte = time.monotonic()
        if isinstance(fault, Refusal):
            return await self._refuse(fault)
        try:
            said = self.script.answer(self.wire.as_chat(self.received))
        except ScriptEnded as ended:
            return await self._refuse(Refusal(500, {"error": str(ended)}))
        answer = Answer(said) if isinstance(said, str) else said
        if self.wire.streams(self.received):
            return await self._stream(answer, fault)
        return await self._plain(answer, fault)

    async def _refuse(self, refusal: Refusal) -> Outcome:
        headers = dict(refusal.headers)
        if refusal.status == 200 and self.wire.streams(self.received) and isinstance(refusal.body, dict):
            # an answer that is a refusal: it comes as the only event of the stream
            response = Response(self.wire.framed(refusal.body), 200, headers, self.wire.media_type)
        elif isinstance(refusal.body, str):
            response = Response(refusal.body, refusal.status, headers, "text/html")
        else:
            response = JSONResponse(refusal.body, refusal.status, headers)
        await response(self.scope, self.receive, self.send)
        return "refused"

    async def _plain(self, answer: Answer, fault: Fault | None) -> Outcome:
        body = json.dumps(self.wire.whole(answer, self.received), ensure_ascii=False).encode()
        match fault:
            case None:
                return await self._send_whole(body, answer.headers)
            case StreamError():
                return await self._refuse(Refusal(500, self.wire.error(fault.message)))
            case BrokenJson():
                await self._send_whole(body[: len(body) // 2], {})
            case CutOff():
                await self._start("application/json", len(body), answer.headers)
                await self._send_more(body[: len(body) // 2])  # ends short of its Content-Length: the server closes
            case Trickle():
                await self._start("application/json", len(body), answer.headers)
                for position in range(len(body)):
                    await self._send_more(body[position : position + 1])
                    await asyncio.sleep(fault.seconds_per_character)
                await self._finish()
            case Hang() | Refusal():
                raise AssertionError(f"{fault} was dealt with before")
            case _:
                assert_never(fault)
        return "failed"

    async def _stream(self, answer: Answer, fault: Fault | None) -> Outcome:
        pieces = list(answer.text) if isinstance(fault, Trickle) else pieces_of(answer.text)
        await self._start(self.wire.media_type, None, answer.headers)
        for sent, event in enumerate(self.wire.events(answer, self.received, pieces), 1 - self.wire.before_text):
            if isinstance(fault, CutOff | StreamError | BrokenJson) and sent > _pieces_before(fault):
                await self._break_off(fault, event)
                return "failed"
            await self._send_more(event)
            delay = fault.seconds_per_character if isinstance(fault, Trickle) else self.script.piece_delay
            if delay and sent > 0:
                await asyncio.sleep(delay)
        await self._finish()
        return "failed" if fault else "answered"

    async def _break_off(self, fault: CutOff | StreamError | BrokenJson, event: bytes) -> None:
        if isinstance(fault, CutOff):
            return  # an answer that returns unfinished makes the server close the connection
        if isinstance(fault, StreamError):
            await self._send_more(self.wire.framed(self.wire.error(fault.message)))
        else:
            await self._send_more(event[: len(event) // 2] + b"\n\n")
        await self._finish()

    async def _send_whole(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        response = Response(body, headers=dict(headers), media_type="application/json")
        await response(self.scope, self.receive, self.send)
        return "answered"

    async def _start(self, media_type: str, length: int | None, headers: Mapping[str, str]) -> None:
        named = {"content-type": media_type, **headers}
        if length is not None:
            named["content-length"] = str(length)
        raw = [(name.encode(), value.encode()) for name, value in named.items()]
        await self.send({"type": "http.response.start", "status": 200, "headers": raw})

    async def _send_more(self, body: bytes) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": True})

    async def _finish(self) -> None:
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


def _pieces_before(fault: CutOff | StreamError | BrokenJson) -> int:
    return 1 if isinstance(fault, BrokenJson) else fault.after_pieces


async def well_formed(wire: Wire, scope: Scope, receive: Receive, send: Send) -> ReceivedRequest | None:
    """None: it was refused."""
    request = Request(scope, receive)
    body = await _json(request)
    if refusal := wire.malformed(body):
        await JSONResponse(refusal.body, refusal.status)(scope, receive, send)
        return None
    return ReceivedRequest(body, dict(request.headers), path=request.url.path, query=request.url.query)


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


async def unless_client_leaves(answering: Awaitable[Outcome], receive: Receive) -> Outcome:
    answer = asyncio.ensure_future(answering)
    leaving = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({answer, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else "client left"
    finally:
        for task in (answer, leaving):
            task.cancel()
        await asyncio.gather(answer, leaving, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
