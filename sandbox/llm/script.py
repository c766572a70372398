"""What every scripted language model shares, whatever its wire: its answers, its faults, and what it was asked."""

import argparse
import asyncio
from collections import deque
from collections.abc import Iterable

import uvicorn
from starlette.applications import Starlette

from sandbox.llm.answers import AnswerFunction, Answers, as_function, echo
from sandbox.llm.faults import Fault
from sandbox.llm.requests import ReceivedRequest


class Script:
    """`latency` seconds pass before the first byte of every answer, `piece_delay` between the words of a stream.

    What is set here may be changed while it serves.
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


class Serves(Script):
    """A script with a wire."""

    app: Starlette


def run_alone(
    arguments: Iterable[str] | None, program: str, about: str | None, port: int, script: type[Serves]
) -> None:
    """The console program of a scripted model."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--latency", type=float, default=0, metavar="MS", help="before the first byte of an answer")
    parser.add_argument("--piece-delay", type=float, default=0, metavar="MS", help="between the words of a stream")
    parser.add_argument("--say", action="append", metavar="TEXT", help="what it answers, always (default: an echo)")
    options = parser.parse_args(None if arguments is None else list(arguments))
    text = " ".join(options.say) if options.say else None
    llm = script(
        echo if text is None else lambda body: text,
        latency=options.latency / 1000, piece_delay=options.piece_delay / 1000,
    )  # fmt: skip
    uvicorn.run(llm.app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)
