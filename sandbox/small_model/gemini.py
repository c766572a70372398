"""Gemini with one model, which is the real small one: generateContent with a form, and its stream."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.gemini_faults import no_such_model, too_long
from sandbox.gemini_wire import GenerateContent
from sandbox.llm.faults import Refusal
from sandbox.llm.real import TOKENS_PER_SLOT
from sandbox.llm.requests import ReceivedRequest
from sandbox.small_model.asking import Question, SmallModel
from sandbox.small_model.live import LiveEndpoint

NAME = "smollm2-135m"
LONGEST_ANSWER = 2048


class RealGemini:
    """`routes` are to be served. `others`: who answers for all other models; nobody, if it is None. Any key will do."""

    api_key = None
    refuses_schema = False
    model = NAME

    def __init__(self, model: SmallModel, others: ASGIApp | None = None) -> None:
        own = LiveEndpoint(RealContent(self, model), model)
        self.routes = [
            Route("/{version}/models/{call}", _ByModel(own, others), methods=["POST"]),
            Route("/{version}/models/{name}", self._described),
        ]

    def knows(self, model: str) -> bool:
        return model == NAME

    async def _described(self, request: Request) -> JSONResponse:
        name = request.path_params["name"]
        if not self.knows(name):
            return JSONResponse(no_such_model(name).body, 404)
        return JSONResponse(
            {"name": f"models/{NAME}", "inputTokenLimit": TOKENS_PER_SLOT, "outputTokenLimit": LONGEST_ANSWER}
        )


class RealContent(GenerateContent):
    thoughts = 0

    def __init__(self, gemini: RealGemini, model: SmallModel) -> None:
        super().__init__(gemini)
        self.small = model

    async def question(self, request: ReceivedRequest) -> Question | Refusal:
        asked, settings = self.as_chat(request), request.body.get("generationConfig", {})
        need = await self.small.tokens(asked["messages"])
        if need >= TOKENS_PER_SLOT:
            return too_long(need, TOKENS_PER_SLOT)
        form = asked.get("schema")
        if form is None and settings.get("responseMimeType") == "application/json":
            form = {"type": "object"}
        most = min(int(settings.get("maxOutputTokens", LONGEST_ANSWER)), TOKENS_PER_SLOT - need)
        return Question(asked["messages"], most, settings.get("temperature"), form)


class _ByModel:
    def __init__(self, own: ASGIApp, others: ASGIApp | None) -> None:
        self.own = own
        self.others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        model = scope["path_params"]["call"].partition(":")[0]
        await (self.own if model == NAME or self.others is None else self.others)(scope, receive, send)
