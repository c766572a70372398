"""Ollama's wire: what the stand-in takes and sends, and what it does with a text that is too long."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from sandbox.llm.answers import Answer, counted
from sandbox.llm.faults import Refusal
from sandbox.llm.requests import ReceivedRequest

Json = dict[str, Any]

DEFAULT_CONTEXT = 4096
NANOSECONDS = 1_000_000_000


def busy() -> Refusal:
    return Refusal(503, {"error": "server busy, please try again.  maximum pending requests exceeded"})


class Served(Protocol):
    """What the wire must know of who answers."""

    @property
    def trained_context(self) -> int: ...
    @property
    def tokens_per_word(self) -> int: ...
    @property
    def refuses_overflow(self) -> bool: ...
    def knows(self, model: str) -> bool: ...
    def load(self, context: int) -> float: ...


class Chat:
    media_type = "application/x-ndjson"
    before_text = 0

    def __init__(self, script: Served) -> None:
        self.script = script

    def malformed(self, body: Any) -> Refusal | None:
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return Refusal(400, {"error": "missing request body"})
        return None

    def refusal(self, request: ReceivedRequest) -> Refusal | None:
        if unknown := self.unknown(request):
            return unknown
        need, context = self._tokens(request.body["messages"]), self.context(request)
        if need > context and request.body.get("truncate") is False and self.script.refuses_overflow:
            return Refusal(400, {"error": overflow(need, context)})
        return None

    def unknown(self, request: ReceivedRequest) -> Refusal | None:
        model = request.body.get("model")
        return None if self.script.knows(str(model)) else Refusal(404, {"error": f"model '{model}' not found"})

    def streams(self, request: ReceivedRequest) -> bool:
        return bool(request.body.get("stream", True))

    def as_chat(self, request: ReceivedRequest) -> Json:
        return {**request.body, "messages": self._kept(request)}

    def whole(self, answer: Answer, request: ReceivedRequest) -> Json:
        message = {"role": "assistant", "content": answer.text}
        return {**self._head(request), "message": message, **self._end(answer, request)}

    def piece(self, request: ReceivedRequest, text: str) -> Json:
        return {**self._head(request), "message": {"role": "assistant", "content": text}, "done": False}

    def events(self, answer: Answer, request: ReceivedRequest, pieces: list[str]) -> Iterator[bytes]:
        for piece in pieces:
            yield self.framed(self.piece(request, piece))
        ended = {**self.piece(request, ""), **self._end(answer, request)}
        yield self.framed(ended)

    def error(self, message: str) -> Json:
        return {"error": message}

    def framed(self, payload: Json) -> bytes:
        return json.dumps(payload, ensure_ascii=False).encode() + b"\n"

    def _head(self, request: ReceivedRequest) -> Json:
        return {"model": request.body["model"], "created_at": datetime.now(UTC).isoformat()}

    def _end(self, answer: Answer, request: ReceivedRequest) -> Json:
        load = self.script.load(self.context(request))
        read = answer.usage.prompt_tokens if answer.usage else self._tokens(self._kept(request))
        return {
            "done": True,
            "done_reason": "length" if answer.finish_reason == "length" else "stop",
            "total_duration": round((load + request.seconds) * NANOSECONDS),
            "load_duration": round(load * NANOSECONDS),
            "prompt_eval_count": min(read, self.context(request)),
            "prompt_eval_duration": NANOSECONDS // 10,
            "eval_count": counted(answer, request.body).completion_tokens,
            "eval_duration": NANOSECONDS // 3,
        }

    def _kept(self, request: ReceivedRequest) -> list[Json]:
        """The system's messages and the newest of the others that fit, the last one always."""
        messages, context = request.body["messages"], self.context(request)
        system = [each for each in messages if each["role"] == "system"]
        others = [each for each in messages if each["role"] != "system"]
        while len(others) > 1 and self._tokens(system + others) > context:
            others = others[1:]
        return system + others

    def context(self, request: ReceivedRequest) -> int:
        asked = (request.body.get("options") or {}).get("num_ctx", DEFAULT_CONTEXT)
        return min(int(asked), self.script.trained_context)

    def _tokens(self, messages: list[Json]) -> int:
        return sum(len(each["content"].split()) for each in messages) * self.script.tokens_per_word


def overflow(need: int, context: int) -> str:
    """The error of the engine below, as a string of JSON."""
    words = f"request ({need} tokens) exceeds the available context size ({context} tokens), try increasing it"
    kind = "exceed_context_size_error"
    inner = {"code": 400, "message": words, "type": kind, "n_prompt_tokens": need, "n_ctx": context}
    return json.dumps({"error": inner})
