"""Ollama's wire: what the stand-in takes and sends, and what it does with a text that is too long."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.llm.answers import Answer, counted
from sandbox.llm.faults import Refusal
from sandbox.llm.requests import ReceivedRequest

if TYPE_CHECKING:
    from sandbox.ollama import ScriptedOllama

Json = dict[str, Any]

DEFAULT_CONTEXT = 4096
NANOSECONDS = 1_000_000_000


def busy() -> Refusal:
    return Refusal(503, {"error": "server busy, please try again.  maximum pending requests exceeded"})


class Chat:
    media_type = "application/x-ndjson"
    before_text = 0

    def __init__(self, script: "ScriptedOllama") -> None:
        self.script = script

    def malformed(self, body: Any) -> Refusal | None:
        if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
            return Refusal(400, {"error": "missing request body"})
        return None

    def refusal(self, request: ReceivedRequest) -> Refusal | None:
        model = request.body.get("model")
        if not self.script.knows(str(model)):
            return Refusal(404, {"error": f"model '{model}' not found"})
        need, context = self._tokens(request.body["messages"]), self._context(request)
        if need > context and request.body.get("truncate") is False and self.script.refuses_overflow:
            return Refusal(400, {"error": _overflow(need, context)})
        return None

    def streams(self, request: ReceivedRequest) -> bool:
        return bool(request.body.get("stream", True))

    def as_chat(self, request: ReceivedRequest) -> Json:
        return {**request.body, "messages": self._kept(request)}

    def whole(self, answer: Answer, request: ReceivedRequest) -> Json:
        message = {"role": "assistant", "content": answer.text}
        return {**self._head(request), "message": message, **self._end(answer, request)}

    def events(self, answer: Answer, request: ReceivedRequest, pieces: list[str]) -> Iterator[bytes]:
        head = self._head(request)
        for piece in pieces:
            yield self.framed({**head, "message": {"role": "assistant", "content": piece}, "done": False})
        yield self.framed({**head, "message": {"role": "assistant", "content": ""}, **self._end(answer, request)})

    def error(self, message: str) -> Json:
        return {"error": message}

    def framed(self, payload: Json) -> bytes:
        return json.dumps(payload, ensure_ascii=False).encode() + b"\n"

    def _head(self, request: ReceivedRequest) -> Json:
        return {"model": request.body["model"], "created_at": datetime.now(UTC).isoformat()}

    def _end(self, answer: Answer, request: ReceivedRequest) -> Json:
        load = self.script.load(self._context(request))
        read = answer.usage.prompt_tokens if answer.usage else self._tokens(self._kept(request))
        return {
            "done": True,
            "done_reason": "length" if answer.finish_reason == "length" else "stop",
            "total_duration": round((load + 0.5) * NANOSECONDS),
            "load_duration": round(load * NANOSECONDS),
            "prompt_eval_count": min(read, self._context(request)),
            "prompt_eval_duration": NANOSECONDS // 10,
            "eval_count": counted(answer, request.body).completion_tokens,
            "eval_duration": NANOSECONDS // 3,
        }

    def _kept(self, request: ReceivedRequest) -> list[Json]:
        """The system's messages and the newest of the others that fit, the last one always."""
        messages, context = request.body["messages"], self._context(request)
        system = [each for each in messages if each["role"] == "system"]
        others = [each for each in messages if each["role"] != "system"]
        while len(others) > 1 and self._tokens(system + others) > context:
            others = others[1:]
        return system + others

    def _context(self, request: ReceivedRequest) -> int:
        asked = (request.body.get("options") or {}).get("num_ctx", DEFAULT_CONTEXT)
        return min(int(asked), self.script.trained_context)

    def _tokens(self, messages: list[Json]) -> int:
        return sum(len(each["content"].split()) for each in messages) * self.script.tokens_per_word


def _overflow(need: int, context: int) -> str:
    """The error of the engine below, as a string of JSON."""
    words = f"request ({need} tokens) exceeds the available context size ({context} tokens), try increasing it"
    kind = "exceed_context_size_error"
    inner = {"code": 400, "message": words, "type": kind, "n_prompt_tokens": need, "n_ctx": context}
    return json.dumps({"error": inner})
