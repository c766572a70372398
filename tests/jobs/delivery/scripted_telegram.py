"""A Bot API of which a test says word for word what it answers. For conversations there is sandbox/bot_api."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SENT = {"ok": True, "result": {"message_id": 99, "date": 1, "chat": {"id": 7, "type": "private"}}}


def refusal(status: int, description: str, **parameters: Any) -> JSONResponse:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return JSONResponse({**body, "parameters": parameters} if parameters else body, status)


@dataclass
class Call:
    method: str
    fields: dict[str, Any]
    files: dict[str, bytes]


@dataclass
class ScriptedTelegram:
    """Answers with what is in `answers`, then with `otherwise`."""

    answers: deque[Response] = field(default_factory=deque)
    otherwise: Response = field(default_factory=lambda: JSONResponse(SENT))
    calls: list[Call] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/bot{token}/{method}", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> Response:
        fields: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        if request.headers["content-type"].startswith("application/json"):
            fields = await request.json()
        else:
            async with request.form() as form:
                for name, part in form.multi_items():
                    if isinstance(part, str):
                        fields[name] = part
                    else:
                        files[name] = await part.read()
        self.calls.append(Call(request.path_params["method"], fields, files))
        return self.answers.popleft() if self.answers else self.otherwise
