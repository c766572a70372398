"""POST /v1/chat/completions of the scripted LLM: plain or streamed, with the fault that was ordered."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, assert_never

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.llm import wire
from sandbox.llm.answers import Answer, ScriptEnded, counted
from sandbox.llm.faults import BrokenJson, CutOff, Fault, Hang, Refusal, StreamError, Trickle, venice_refusal
from sandbox.llm.requests import Outcome, ReceivedRequest

if TYPE_CHECKING:
    from sandbox.llm.scripted import ScriptedLlm

SendBody = Callable[[bytes], Awaitable[None]]


class ChatCompletions:
    """An ASGI endpoint, since only that can break off an answer that it has begun."""

    def __init__(self, llm: "ScriptedLlm") -> None:
        self.llm = llm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await _json_object(request)
        if body is None or not isinstance(body.get("messages"), list):
            refusal = venice_refusal(400, "openai")
            await JSONResponse(refusal.body, refusal.status)(scope, receive, send)
            return
        received = ReceivedRequest(body, dict(request.headers))
        await self.llm.record(received)
        exchange = _Exchange(self.llm, received, scope, receive, send)
        received.outcome = await _unless_client_leaves(exchange.answer(), receive)
        received.finished = time.monotonic()


class _Exchange:
    def __init__(
        self, llm: "ScriptedLlm", received: ReceivedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self.llm = llm
        self.received = received
        self.scope = scope
        self.receive = receive
        self.send = send

    async def answer(self) -> Outcome:
        fault = self._refusal_of_key() or self.llm.next_fault()
        if isinstance(fault, Hang):
            await asyncio.sleep(fault.seconds if fault.seconds is not None else 86_400)
            return "failed"
        await asyncio.sleep(self.llm.latency)
        await self.llm.gate.wait()
        self.received.first_byte = time.monotonic()
        if isinstance(fault, Refusal):
            return await self._refuse(fault)
        try:
            said = self.llm.answer(self.received.body)
        except ScriptEnded as ended:
            return await self._refuse(Refusal(500, {"error": str(ended)}))
        answer = Answer(said) if isinstance(said, str) else said
        if self.received.body.get("stream"):
            return await self._stream(answer, fault)
        return await self._plain(answer, fault)

    def _refusal_of_key(self) -> Refusal | None:
        if self.llm.api_key is None or self.received.headers.get("authorization") == f"Bearer {self.llm.api_key}":
            return None
        return venice_refusal(401)

    async def _refuse(self, refusal: Refusal) -> Outcome:
        headers = dict(refusal.headers)
        response = (
            Response(refusal.body, refusal.status, headers, "text/html")
            if isinstance(refusal.body, str)
            else JSONResponse(refusal.body, refusal.status, headers)
        )
        await response(self.scope, self.receive, self.send)
        return "refused"

    async def _plain(self, answer: Answer, fault: Fault | None) -> Outcome:
        usage = counted(answer, self.received.body)
        body = json.dumps(wire.completion(answer, usage, self.llm.model), ensure_ascii=False).encode()
        match fault:
            case None:
                return await self._send_whole(body)
            case StreamError():
                return await self._refuse(Refusal(500, {"error": {"message": fault.message, "type": "server_error"}}))
            case BrokenJson():
                await self._send_whole(body[: len(body) // 2])
            case CutOff():
                await self._start("application/json", len(body))
                await self._send_more(body[: len(body) // 2])  # ends short of its Content-Length: the server closes
            case Trickle():
                await self._start("application/json", len(body))
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
        wants_usage = (self.received.body.get("stream_options") or {}).get("include_usage")
        usage = counted(answer, self.received.body) if wants_usage else None
        pieces = list(answer.text) if isinstance(fault, Trickle) else wire.pieces_of(answer.text)
        delay = fault.seconds_per_character if isinstance(fault, Trickle) else self.llm.piece_delay
        await self._start("text/event-stream")
        for sent, event in enumerate(wire.stream_events(answer, usage, self.llm.model, pieces)):
            if isinstance(fault, CutOff | StreamError | BrokenJson) and sent > _pieces_before(fault):
                await self._break_off(fault, event)
                return "failed"
            await self._send_more(wire.event(event))
            if delay:
                await asyncio.sleep(delay)
        await self._send_more(wire.DONE)
        await self._finish()
        return "failed" if fault else "answered"

    async def _break_off(self, fault: CutOff | StreamError | BrokenJson, event: dict[str, Any]) -> None:
        if isinstance(fault, CutOff):
            return  # an answer that returns unfinished makes the server close the connection
        if isinstance(fault, StreamError):
            await self._send_more(wire.event({"error": {"message": fault.message, "type": "server_error"}}))
        else:
            whole = wire.event(event)
            await self._send_more(whole[: len(whole) // 2] + b"\n\n")
        await self._finish()

    async def _send_whole(self, body: bytes) -> Outcome:
        await Response(body, media_type="application/json")(self.scope, self.receive, self.send)
        return "answered"

    async def _start(self, media_type: str, length: int | None = None) -> None:
        headers = [(b"content-type", media_type.encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _send_more(self, body: bytes) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": True})

    async def _finish(self) -> None:
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


def _pieces_before(fault: CutOff | StreamError | BrokenJson) -> int:
    return 1 if isinstance(fault, BrokenJson) else fault.after_pieces


async def _json_object(request: Request) -> dict[str, Any] | None:
    try:
        body = await request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


async def _unless_client_leaves(answering: Awaitable[Outcome], receive: Receive) -> Outcome:
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
