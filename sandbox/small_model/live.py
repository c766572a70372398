"""One request to the real small model: refused in the words of a wire, answered whole, or piece by piece."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Protocol

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sandbox.llm.answers import Answer
from sandbox.llm.exchange import Wire, unless_client_leaves, well_formed
from sandbox.llm.faults import Refusal
from sandbox.llm.requests import Outcome, ReceivedRequest
from sandbox.small_model.asking import Question, Refused, SmallModel


class LiveWire(Wire, Protocol):
    async def question(self, request: ReceivedRequest) -> Question | Refusal:
        """What the model is asked, within what it holds. Raises Refused."""

    def piece(self, request: ReceivedRequest, text: str) -> dict[str, Any]: ...


class LiveEndpoint:
    """An ASGI endpoint: a client that leaves stops the model."""

    def __init__(self, wire: LiveWire, model: SmallModel) -> None:
        self.wire = wire
        self.model = model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = await well_formed(self.wire, scope, receive, send)
        if received is None:
            return

        async def answer() -> Outcome:
            await (await self._response(received))(scope, receive, send)
            return "answered"

        await unless_client_leaves(answer(), receive)

    async def _response(self, received: ReceivedRequest) -> Response:
        try:
            asked = self.wire.refusal(received) or await self.wire.question(received)
            if isinstance(asked, Refusal):
                return JSONResponse(asked.body, asked.status)
            if not self.wire.streams(received):
                return JSONResponse(self.wire.whole(await self.model.whole(asked), received))
            pieces = self.model.pieces(asked)
            first = await anext(pieces)
        except Refused as refused:
            return JSONResponse(self.wire.error(str(refused)), refused.status)
        return StreamingResponse(self._events(received, first, pieces), media_type=self.wire.media_type)

    async def _events(
        self, received: ReceivedRequest, first: str | Answer, rest: AsyncGenerator[str | Answer, None]
    ) -> AsyncIterator[bytes]:
        async with aclosing(rest):
            try:
                for event in self._event(received, first):
                    yield event
                async for each in rest:
                    for event in self._event(received, each):
                        yield event
            except (Refused, json.JSONDecodeError) as error:
                yield self.wire.framed(self.wire.error(str(error)))

    def _event(self, received: ReceivedRequest, said: str | Answer) -> list[bytes]:
        if isinstance(said, str):
            return [self.wire.framed(self.wire.piece(received, said))]
        # its words were sent by then: only the end is left
        return list(self.wire.events(Answer("", said.finish_reason, said.usage), received, []))
