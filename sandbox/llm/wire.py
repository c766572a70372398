"""The OpenAI-compatible wire: one completion as JSON, or as the events of a stream."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sandbox.llm.answers import Answer, Usage

DONE = b"data: [DONE]\n\n"


def completion(answer: Answer, usage: Usage, model: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason, "logprobs": None}
    return {**_head("chat.completion", model), "choices": [choice], "usage": usage_json(usage)}


def stream_events(answer: Answer, usage: Usage | None, model: str, pieces: list[str]) -> Iterator[dict[str, Any]]:
    """The role, the pieces, the reason of the end and, where the client asked for it, the usage."""
    head = _head("chat.completion.chunk", model)
    yield _chunk(head, {"role": "assistant", "content": ""})
    for piece in pieces:
        yield _chunk(head, {"content": piece})
    yield _chunk(head, {}, answer.finish_reason)
    if usage:
        yield {**head, "choices": [], "usage": usage_json(usage)}


def pieces_of(text: str) -> list[str]:
    """Words with the space behind them, so that they join to the same text."""
    return re.findall(r"\S+\s*|\s+", text)


def event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def usage_json(usage: Usage) -> dict[str, int]:
    return {**asdict(usage), "total_tokens": usage.prompt_tokens + usage.completion_tokens}


def models(model: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": "sandbox"}]}


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid4().hex[:24]}", "object": kind, "created": int(time.time()), "model": model}


def _chunk(head: dict[str, Any], delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
