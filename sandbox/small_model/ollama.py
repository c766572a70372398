"""Ollama with one model, which is the real small one: /api/chat, /api/show, /api/tags, /api/ps."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from sandbox.llm.faults import Refusal
from sandbox.llm.model_file import small_model
from sandbox.llm.real import TOKENS_PER_SLOT
from sandbox.llm.requests import ReceivedRequest
from sandbox.ollama_wire import Chat, overflow
from sandbox.small_model.asking import Question, SmallModel
from sandbox.small_model.live import LiveEndpoint

Json = dict[str, Any]

# as Ollama's own library names it
NAME = "smollm2:135m"
VERSION = "0.40.2"
DETAILS = {"format": "gguf", "family": "llama", "parameter_size": "134.52M", "quantization_level": "Q4_1"}
NO_LIMIT = -1


class RealOllama:
    """`routes` are to be served."""

    trained_context = TOKENS_PER_SLOT
    refuses_overflow = True
    # a guess at what the model counts: here it counts itself
    tokens_per_word = 1

    def __init__(self, model: SmallModel) -> None:
        self.routes = [
            Route("/api/chat", LiveEndpoint(RealChat(self, model), model), methods=["POST"]),
            Route("/api/show", self._show, methods=["POST"]),
            Route("/api/tags", self._tags),
            Route("/api/ps", self._running),
            Route("/api/version", self._version),
            Route("/", self._root),
        ]

    def knows(self, model: str) -> bool:
        return model == NAME

    def load(self, context: int) -> float:
        """It is loaded once, with its whole context: a smaller one is only kept to."""
        del context
        return 0.0

    async def _show(self, request: Request) -> JSONResponse:
        asked = await request.json()
        name = asked.get("model") or asked.get("name")
        if not self.knows(name):
            return JSONResponse({"error": f"model '{name}' not found"}, 404)
        info = {"general.architecture": "llama", "llama.context_length": self.trained_context}
        return JSONResponse({"details": DETAILS, "model_info": info, "capabilities": ["completion"]})

    async def _tags(self, request: Request) -> JSONResponse:
        return JSONResponse({"models": [_listed()]})

    async def _running(self, request: Request) -> JSONResponse:
        until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        return JSONResponse(
            {"models": [{**_listed(), "size_vram": 0, "context_length": self.trained_context, "expires_at": until}]}
        )

    async def _version(self, request: Request) -> JSONResponse:
        return JSONResponse({"version": VERSION})

    async def _root(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("Ollama is running")


class RealChat(Chat):
    def __init__(self, ollama: RealOllama, model: SmallModel) -> None:
        super().__init__(ollama)
        self.model = model

    def refusal(self, request: ReceivedRequest) -> Refusal | None:
        """What is too long is known once it is counted: see `question`."""
        return self.unknown(request)

    async def question(self, request: ReceivedRequest) -> Question | Refusal:
        body, context = request.body, self.context(request)
        messages = list(body["messages"])
        need = await self.model.tokens(messages)
        while need >= context and body.get("truncate") is not False and (oldest := _oldest(messages)) is not None:
            del messages[oldest]
            need = await self.model.tokens(messages)
        if need >= context:
            return Refusal(400, {"error": overflow(need, context)})
        options = body.get("options") or {}
        wanted, room = int(options.get("num_predict", NO_LIMIT)), context - need
        return Question(messages, room if wanted < 0 else min(wanted, room), options.get("temperature"), _form(body))


def _oldest(messages: list[Json]) -> int | None:
    """The first that may be left out: not the system's, and never the last."""
    spoken = [place for place, each in enumerate(messages) if each["role"] != "system"]
    return spoken[0] if len(spoken) > 1 else None


def _form(body: Json) -> Json | None:
    form = body.get("format")
    return {"type": "object"} if form == "json" else form or None


def _listed() -> Json:
    file = small_model().stat()
    changed = datetime.fromtimestamp(file.st_mtime, UTC).isoformat()
    return {"name": NAME, "model": NAME, "modified_at": changed, "size": file.st_size, "details": DETAILS}
