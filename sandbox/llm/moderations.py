"""Moderators as stand-ins: OpenAI's /v1/moderations, a small one at /moderate, and Llama Guard's way of answering.

Each flags what a text says it should be flagged for: `flag:sexual/minors`, `flag:S4`.
"""

import re
from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MARK = re.compile(r"\bflag:([\w/-]+)")
CATEGORIES = ("sexual", "sexual/minors", "violence", "hate", "self-harm")
LLAMA_GUARD = "llama-guard"


def marks(text: str) -> list[str]:
    return MARK.findall(text)


def verdict(body: dict[str, Any]) -> str:
    """What Llama Guard says of the last message."""
    found = [each.upper() for each in marks(body["messages"][-1]["content"])]
    return f"unsafe\n{','.join(found)}" if found else "safe"


class Moderations:
    """`requests` are the bodies that came. `fail_next`: answers with these statuses, instead of a judgement."""

    def __init__(self, api_key: str | None = None) -> None:
        self.api_key = api_key
        self.requests: list[dict[str, Any]] = []
        self.refusals: deque[int] = deque()

    def fail_next(self, *statuses: int) -> None:
        self.refusals.extend(statuses)

    async def openai(self, request: Request) -> Response:
        body = await self._taken(request)
        if isinstance(body, Response):
            return body
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        results = [_result(marks(text)) for text in texts]
        return JSONResponse({"id": "modr-1", "model": body.get("model"), "results": results})

    async def small(self, request: Request) -> Response:
        body = await self._taken(request)
        if isinstance(body, Response):
            return body
        found = marks(body["messages"][-1]["content"])
        return JSONResponse({"flagged": bool(found), "categories": found})

    async def _taken(self, request: Request) -> Any:
        """The body, or the refusal."""
        if self.api_key is not None and request.headers.get("authorization") != f"Bearer {self.api_key}":
            return JSONResponse({"error": {"message": "Incorrect API key provided"}}, 401)
        body = await request.json()
        self.requests.append(body)
        if self.refusals:
            return JSONResponse({"error": {"message": "to order"}}, self.refusals.popleft())
        return body


def _result(found: list[str]) -> dict[str, Any]:
    categories = {name: name in found for name in (*CATEGORIES, *found)}
    scores = {name: 0.99 if hit else 0.01 for name, hit in categories.items()}
    return {"flagged": bool(found), "categories": categories, "category_scores": scores}
