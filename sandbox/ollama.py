"""A stand-in for Ollama: /api/chat with a context that can be too small, models that are not there, and loading.

In a test: `ollama = ScriptedOllama(["Hi!"])`, `async with serving(ollama.app) as base_url`.
Alone: `python -m sandbox.ollama --port 11434`.
"""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from sandbox.llm.answers import AnswerFunction, Answers, echo
from sandbox.llm.exchange import Endpoint
from sandbox.llm.moderations import LLAMA_GUARD, verdict
from sandbox.llm.script import Serves, run_alone
from sandbox.ollama_wire import Chat

# the first version that refuses what does not fit when `truncate` is false
REFUSES_OVERFLOW = (0, 12, 6)


class ScriptedOllama(Serves):
    """`models` given, any other is not found. `trained_context`: what the model holds at most, whatever is asked for.

    `tokens_per_word` makes texts longer than they look. An older `version` leaves the oldest messages out in silence.
    `load_seconds` is what loading the model took, by its own word; another `num_ctx` loads it anew.
    """

    def __init__(
        self, answers: Answers = echo, *, models: Iterable[str] | None = None, trained_context: int = 131072,
        tokens_per_word: int = 1, version: str = "0.40.2", load_seconds: float = 0, **given: Any,
    ) -> None:  # fmt: skip
        super().__init__(answers, **given)
        self.answer = judging(self.answer)
        self.models = None if models is None else set(models)
        self.trained_context = trained_context
        self.tokens_per_word = tokens_per_word
        self.version = version
        self.load_seconds = load_seconds
        self.loaded_context: int | None = None
        self.loads = 0
        self.looks = 0
        self.app = Starlette(
            routes=[
                Route("/api/chat", Endpoint(self, Chat(self)), methods=["POST"]),
                Route("/api/show", self._show, methods=["POST"]),
                Route("/api/tags", self._tags),
                Route("/api/version", self._version),
                Route("/", self._root),
            ]
        )

    def say(self, answers: Answers) -> None:
        """As a script does; a Llama Guard judges all the same."""
        super().say(answers)
        self.answer = judging(self.answer)

    @property
    def refuses_overflow(self) -> bool:
        return tuple(map(int, self.version.split("."))) >= REFUSES_OVERFLOW

    def knows(self, model: str) -> bool:
        return self.models is None or model in self.models

    def load(self, context: int) -> float:
        """The seconds that loading takes; 0 when the model is there with this context."""
        if self.loaded_context == context:
            return 0.0
        self.loaded_context, self.loads = context, self.loads + 1
        return self.load_seconds

    async def _show(self, request: Request) -> JSONResponse:
        self.looks += 1
        model = (await request.json()).get("model")
        if not self.knows(model):
            return JSONResponse({"error": f"model '{model}' not found"}, 404)
        info = {"general.architecture": "scripted", "scripted.context_length": self.trained_context}
        return JSONResponse({"model_info": info, "capabilities": ["completion"], "details": {"family": "scripted"}})

    async def _tags(self, request: Request) -> JSONResponse:
        return JSONResponse({"models": [{"name": name, "model": name} for name in sorted(self.models or [])]})

    async def _version(self, request: Request) -> JSONResponse:
        return JSONResponse({"version": self.version})

    async def _root(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("Ollama is running")


def judging(answer: AnswerFunction) -> AnswerFunction:
    """What a model answers; one that is named as a Llama Guard gives its verdict."""
    return lambda body: verdict(body) if str(body.get("model")).startswith(LLAMA_GUARD) else answer(body)


def main(arguments: Iterable[str] | None = None) -> None:
    run_alone(arguments, "sandbox.ollama", __doc__, 11434, ScriptedOllama)


if __name__ == "__main__":
    main()
