"""Gemini's wire: what the stand-in takes and sends."""

import json
from collections.abc import Iterator
from typing import Any, Protocol
from uuid import uuid4

from sandbox.gemini_faults import bad_key, error, no_such_model
from sandbox.llm.answers import Answer, counted
from sandbox.llm.faults import Refusal
from sandbox.llm.requests import ReceivedRequest

Json = dict[str, Any]

FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
KNOWN_FIELDS = {"contents", "systemInstruction", "generationConfig", "safetySettings", "tools", "toolConfig"}
ROLES = {"model": "assistant", "user": "user"}
# what a model that thinks has thought, of which nothing is shown
THOUGHTS = 2


class Served(Protocol):
    """What the wire must know of who answers."""

    @property
    def model(self) -> str: ...
    @property
    def api_key(self) -> str | None: ...
    @property
    def refuses_schema(self) -> bool: ...
    def knows(self, model: str) -> bool: ...


class GenerateContent:
    media_type = "text/event-stream"
    before_text = 0
    thoughts = THOUGHTS

    def __init__(self, script: Served) -> None:
        self.script = script

    def malformed(self, body: Any) -> Refusal | None:
        if not isinstance(body, dict) or not body.get("contents"):
            return error(400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified")
        if unknown := set(body) - KNOWN_FIELDS:
            words = f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.'
            return error(400, "INVALID_ARGUMENT", words)
        if any(content.get("role") not in ROLES for content in body["contents"]):
            return error(400, "INVALID_ARGUMENT", "Please use a valid role: user, model.")
        return None

    def refusal(self, request: ReceivedRequest) -> Refusal | None:
        if self.script.api_key is not None and request.headers.get("x-goog-api-key") != self.script.api_key:
            return bad_key()
        model, _, method = request.path.rpartition("/")[2].partition(":")
        if not self.script.knows(model) or method not in ("generateContent", "streamGenerateContent"):
            return no_such_model(model)
        if self.script.refuses_schema and "responseJsonSchema" in request.body.get("generationConfig", {}):
            return error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        return None

    def streams(self, request: ReceivedRequest) -> bool:
        return request.path.endswith(":streamGenerateContent")

    def as_chat(self, request: ReceivedRequest) -> Json:
        system = request.body.get("systemInstruction")
        messages = [{"role": "system", "content": _text(system)}] if system else []
        messages += [{"role": ROLES[each["role"]], "content": _text(each)} for each in request.body["contents"]]
        schema = request.body.get("generationConfig", {}).get("responseJsonSchema")
        return {"model": self.script.model, "messages": messages} | ({"schema": schema} if schema else {})

    def whole(self, answer: Answer, request: ReceivedRequest) -> Json:
        return {**self._head(), **self._candidate(answer.text, answer), "usageMetadata": self._usage(answer, request)}

    def piece(self, request: ReceivedRequest, text: str) -> Json:
        del request
        return {**self._head(), **self._candidate(text, None)}

    def events(self, answer: Answer, request: ReceivedRequest, pieces: list[str]) -> Iterator[bytes]:
        """The end comes with the last piece, the usage with each."""
        head, usage = self._head(), self._usage(answer, request)
        for position, piece in enumerate(pieces or [""], 1):
            last = position >= len(pieces)
            yield self.framed({**head, **self._candidate(piece, answer if last else None), "usageMetadata": usage})

    def error(self, message: str) -> Json:
        return {"error": {"code": 500, "message": message, "status": "INTERNAL"}}

    def framed(self, payload: Json) -> bytes:
        return b"data: " + json.dumps(payload, ensure_ascii=False).encode() + b"\r\n\r\n"

    def _head(self) -> Json:
        return {"modelVersion": self.script.model, "responseId": uuid4().hex[:22]}

    def _candidate(self, text: str, ended: Answer | None) -> Json:
        candidate: Json = {"index": 0}
        if text or ended is None:
            candidate["content"] = {"parts": [{"text": text}], "role": "model"}
        if ended:
            candidate["finishReason"] = FINISH[ended.finish_reason]
        return {"candidates": [candidate]}

    def _usage(self, answer: Answer, request: ReceivedRequest) -> Json:
        usage = counted(answer, self.as_chat(request))
        return {
            "promptTokenCount": usage.prompt_tokens,
            "candidatesTokenCount": usage.completion_tokens,
            "thoughtsTokenCount": self.thoughts,
            "totalTokenCount": usage.prompt_tokens + usage.completion_tokens + self.thoughts,
        }


def _text(content: Json) -> str:
    return " ".join(part.get("text", "") for part in content["parts"])
