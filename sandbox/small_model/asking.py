"""What is a question to the real small model, and how does its answer come? In pieces, from llama.cpp's server."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from sandbox.llm.answers import Answer, Usage
from sandbox.llm.real import ALIAS
from sandbox.small_model.short_forms import ended, kept_short

Json = dict[str, Any]

LONGEST_SECONDS = 600.0
DATA, DONE = "data: ", "data: [DONE]"
# a form repeats its own signs, and what is quoted is said once more: a penalty for that makes gibberish of both
NO_PENALTY = 1.0


@dataclass(frozen=True)
class Question:
    messages: list[Json]
    max_tokens: int
    temperature: float | None = None
    schema: Json | None = None


class Refused(Exception):
    """llama.cpp did not answer, in its own words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class SmallModel:
    """One question at a time, so that a place stays free for those who write to the bot."""

    def __init__(self, upstream: str) -> None:
        # llama.cpp ends a connection after a streamed answer; one that is kept may end under the next question
        fresh = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.AsyncClient(base_url=upstream, timeout=LONGEST_SECONDS, trust_env=False, limits=fresh)
        self.turn = asyncio.Semaphore(1)

    async def tokens(self, messages: list[Json]) -> int:
        """How many they are for this model, with what stands around each message. Raises Refused."""
        filled = await self._posted("/apply-template", {"messages": messages})
        counted = await self._posted("/tokenize", {"content": filled["prompt"], "add_special": True})
        return len(counted["tokens"])

    async def pieces(self, question: Question) -> AsyncGenerator[str | Answer, None]:
        """The text as it is written, then all of it. Close it to stop the model. Raises Refused.

        With a schema it comes at once: where a form breaks a text off is seen at the end.
        """
        said, finish, usage = "", "stop", None
        form = kept_short(question.schema) if question.schema is not None else None
        async with self.turn, aclosing(self._events(_body(question, form))) as events:
            async for event in events:
                for choice in event.get("choices", ()):
                    finish = choice.get("finish_reason") or finish
                    if piece := choice["delta"].get("content"):
                        said += piece
                        if form is None:
                            yield piece
                usage = event.get("usage") or usage
        if form is not None:
            said = ended(said, form)
            yield said
        yield _answer(said, finish, usage)

    async def whole(self, question: Question) -> Answer:
        """Raises Refused."""
        async with aclosing(self.pieces(question)) as pieces:
            [answer] = [each async for each in pieces if isinstance(each, Answer)]
        return answer

    async def _events(self, body: Json) -> AsyncGenerator[Json, None]:
        try:
            async with self.client.stream("POST", "/v1/chat/completions", json=body) as response:
                if response.status_code != 200:
                    raise _refused(response.status_code, await response.aread())
                async for line in response.aiter_lines():
                    if line.startswith(DATA) and line != DONE:
                        yield json.loads(line.removeprefix(DATA))
        except httpx.TransportError as error:
            raise _away(error) from None

    async def _posted(self, path: str, body: Json) -> Json:
        try:
            response = await self.client.post(path, json=body)
        except httpx.TransportError as error:
            raise _away(error) from None
        if response.status_code != 200:
            raise _refused(response.status_code, response.content)
        return dict(response.json())


def _body(question: Question, form: Json | None) -> Json:
    body: Json = {
        "model": ALIAS, "messages": question.messages, "max_tokens": question.max_tokens,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    if question.temperature is not None:
        body["temperature"] = question.temperature
    if form is not None:
        body["repeat_penalty"] = NO_PENALTY
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": form}}
    return body


def _answer(said: str, finish: str, usage: Json | None) -> Answer:
    how: Literal["stop", "length"] = "length" if finish == "length" else "stop"
    counted = Usage(usage["prompt_tokens"], usage["completion_tokens"]) if usage else None
    return Answer(said, how, counted)


def _away(error: httpx.TransportError) -> Refused:
    return Refused(503, f"the language model behind this address is not there ({type(error).__name__})")


def _refused(status: int, body: bytes) -> Refused:
    """With the whole of the error, as Ollama passes it on."""
    return Refused(status, body.decode(errors="replace"))
