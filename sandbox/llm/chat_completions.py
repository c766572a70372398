"""POST /v1/chat/completions of the scripted LLM: what it takes, refuses and sends."""

from collections.abc import Iterator
from typing import Any

from sandbox.llm import wire
from sandbox.llm.answers import Answer, counted
from sandbox.llm.faults import Refusal, venice_refusal
from sandbox.llm.requests import ReceivedRequest
from sandbox.llm.script import Script


class ChatCompletions:
    media_type = "text/event-stream"
    # the role
    before_text = 1

    def __init__(self, script: Script) -> None:
        self.script = script

    def malformed(self, body: Any) -> Refusal | None:
        if isinstance(body, dict) and isinstance(body.get("messages"), list):
            return None
        return venice_refusal(400, "openai")

    def refusal(self, request: ReceivedRequest) -> Refusal | None:
        key = self.script.api_key
        return None if key is None or request.headers.get("authorization") == f"Bearer {key}" else venice_refusal(401)

    def streams(self, request: ReceivedRequest) -> bool:
        return bool(request.body.get("stream"))

    def as_chat(self, request: ReceivedRequest) -> dict[str, Any]:
        return request.body

    def whole(self, answer: Answer, request: ReceivedRequest) -> dict[str, Any]:
        return wire.completion(answer, counted(answer, request.body), self.script.model)

    def events(self, answer: Answer, request: ReceivedRequest, pieces: list[str]) -> Iterator[bytes]:
        wants_usage = (request.body.get("stream_options") or {}).get("include_usage")
        usage = counted(answer, request.body) if wants_usage else None
        yield from map(wire.event, wire.stream_events(answer, usage, self.script.model, pieces))
        yield wire.DONE

    def error(self, message: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": "server_error"}}

    def framed(self, payload: dict[str, Any]) -> bytes:
        return wire.event(payload)
