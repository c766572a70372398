"""An OpenAI-compatible server that says what a script tells it to, fails to order and remembers every request.

In a test: `llm = ScriptedLlm(answers=["Hi!"])`, `async with serving(llm.app) as base_url`; the provider's base is
`f"{base_url}/v1"`. Alone: `python -m sandbox.llm.scripted --port 8080 --latency 200`.
"""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from sandbox.llm import wire
from sandbox.llm.answers import Answers, echo
from sandbox.llm.chat_completions import ChatCompletions
from sandbox.llm.exchange import Endpoint
from sandbox.llm.moderations import Moderations
from sandbox.llm.script import Serves, run_alone


class ScriptedLlm(Serves):
    """`api_key` given, any other Bearer key is refused with 401."""

    def __init__(self, answers: Answers = echo, **given: Any) -> None:
        super().__init__(answers, **given)
        self.moderations = Moderations(self.api_key)
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", Endpoint(self, ChatCompletions(self)), methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/v1/moderations", self.moderations.openai, methods=["POST"]),
                Route("/moderate", self.moderations.small, methods=["POST"]),
                Route("/health", self._health),
            ]
        )

    async def _models(self, request: Request) -> JSONResponse:
        return JSONResponse(wire.models(self.model))

    async def _health(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")


def main(arguments: Iterable[str] | None = None) -> None:
    run_alone(arguments, "sandbox.llm.scripted", __doc__, 8080, ScriptedLlm)


if __name__ == "__main__":
    main()
