"""An OpenAI-compatible server that says what a script tells it to, fails to order and remembers every request.

In a test: `llm = ScriptedLlm(answers=["Hi!"])`, `async with serving(llm.app) as base_url`; the provider's base is
`f"{base_url}/v1"`. Alone: `python -m sandbox.llm.scripted --port 8080 --latency 200`.
"""

import argparse
import asyncio
from collections import deque
from collections.abc import Iterable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from sandbox.llm import wire
from sandbox.llm.answers import AnswerFunction, Answers, as_function, echo
from sandbox.llm.chat_completions import ChatCompletions
from sandbox.llm.faults import Fault
from sandbox.llm.requests import ReceivedRequest


class ScriptedLlm:
    """`latency` seconds pass before the first byte of every answer, `piece_delay` between the words of a stream.

    `api_key` given, any other Bearer key is refused with 401. What is set here may be changed while it serves.
    """

    def __init__(
        self, answers: Answers = echo, *, latency: float = 0, piece_delay: float = 0, model: str = "scripted",
        api_key: str | None = None,
    ) -> None:  # fmt: skip
        self.answer: AnswerFunction = as_function(answers)
        self.latency = latency
        self.piece_delay = piece_delay
        self.model = model
        self.api_key = api_key
        self.requests: list[ReceivedRequest] = []
        self.faults: deque[Fault] = deque()
        self.lasting_fault: Fault | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._arrived = asyncio.Condition()
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", ChatCompletions(self), methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/health", self._health),
            ]
        )

    def say(self, answers: Answers) -> None:
        """From the next request on, these answers."""
        self.answer = as_function(answers)

    def fail_next(self, *faults: Fault) -> None:
        """Each of the next requests takes one fault; the ones after them are answered."""
        self.faults.extend(faults)

    def fail_always(self, fault: Fault | None) -> None:
        """Every request that takes no fault of `fail_next` fails so, until None is given."""
        self.lasting_fault = fault

    def pause(self) -> None:
        """Requests arrive and are recorded, but none is answered before `resume`."""
        self.gate.clear()

    def resume(self) -> None:
        self.gate.set()

    async def wait_for_requests(self, count: int, timeout: float = 10) -> None:
        """Returns when `count` requests have arrived since the start. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def record(self, request: ReceivedRequest) -> None:
        self.requests.append(request)
        async with self._arrived:
            self._arrived.notify_all()

    def next_fault(self) -> Fault | None:
        return self.faults.popleft() if self.faults else self.lasting_fault

    async def _models(self, request: Request) -> JSONResponse:
        return JSONResponse(wire.models(self.model))

    async def _health(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.llm.scripted", description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--latency", type=float, default=0, metavar="MS", help="before the first byte of an answer")
    parser.add_argument("--piece-delay", type=float, default=0, metavar="MS", help="between the words of a stream")
    parser.add_argument("--say", action="append", metavar="TEXT", help="what it answers, always (default: an echo)")
    options = parser.parse_args(None if arguments is None else list(arguments))
    text = " ".join(options.say) if options.say else None
    llm = ScriptedLlm(
        echo if text is None else lambda body: text,
        latency=options.latency / 1000, piece_delay=options.piece_delay / 1000,
    )  # fmt: skip
    uvicorn.run(llm.app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
