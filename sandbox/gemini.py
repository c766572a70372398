"""A stand-in for Google's Gemini: generateContent and its stream, its refusals word for word, faults to order.

In a test: `gemini = ScriptedGemini(["Hi!"])`, `async with serving(gemini.app) as base_url`; faults of its own are in
`sandbox.gemini_faults`. Alone: `python -m sandbox.gemini --port 8082`, then GEMINI_BASE_URL=http://127.0.0.1:8082.
"""

from collections.abc import Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.gemini_faults import bad_key, no_such_model
from sandbox.gemini_wire import GenerateContent
from sandbox.llm.answers import Answers, echo
from sandbox.llm.exchange import Endpoint
from sandbox.llm.script import Serves, run_alone


class ScriptedGemini(Serves):
    """`api_key` given, any other is refused. `models` given, any other is not found.

    `refuses_schema`: a request with `responseJsonSchema` is an INVALID_ARGUMENT, as with a schema that is too deep.
    """

    def __init__(
        self, answers: Answers = echo, *, models: Iterable[str] | None = None, refuses_schema: bool = False,
        **given: Any,
    ) -> None:  # fmt: skip
        super().__init__(answers, **given)
        self.models = None if models is None else set(models)
        self.refuses_schema = refuses_schema
        self.app = Starlette(
            routes=[
                Route("/{version}/models/{call}", Endpoint(self, GenerateContent(self)), methods=["POST"]),
                Route("/{version}/models/{name}", self._model),
            ]
        )

    def knows(self, model: str) -> bool:
        return self.models is None or model in self.models

    async def _model(self, request: Request) -> JSONResponse:
        name = request.path_params["name"]
        if self.api_key is not None and request.headers.get("x-goog-api-key") != self.api_key:
            return JSONResponse(bad_key().body, 400)
        if not self.knows(name):
            return JSONResponse(no_such_model(name).body, 404)
        return JSONResponse({"name": f"models/{name}", "inputTokenLimit": 1048576, "outputTokenLimit": 65536})


def main(arguments: Iterable[str] | None = None) -> None:
    run_alone(arguments, "sandbox.gemini", __doc__, 8082, ScriptedGemini)


if __name__ == "__main__":
    main()
