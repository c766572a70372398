"""The three wires of language models, each with its stand-in, and how a test asks them."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from jobs.errors import PostgenError
from jobs.providers.chat_model import ChatModel, Completion, Turn
from jobs.providers.failure_class import FailureClass
from jobs.providers.gemini import Gemini
from jobs.providers.ollama import Ollama
from jobs.providers.openai_compatible import OpenAICompatible
from sandbox import gemini_faults, ollama_wire
from sandbox.gemini import ScriptedGemini
from sandbox.llm.faults import Fault, Refusal, venice_refusal
from sandbox.llm.script import Serves
from sandbox.llm.scripted import ScriptedLlm
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving

TALK = [Turn("user", "Hi"), Turn("assistant", "Hello"), Turn("user", "What now?")]
KEY = "AIzaSyVerySecret"


class Fox(BaseModel):
    name: str
    age: int


@dataclass(frozen=True)
class Wire:
    name: str
    script: type[Serves]
    open: Callable[..., ChatModel]
    faults: dict[FailureClass, Fault]

    def __str__(self) -> str:
        return self.name


def venice(client: httpx.AsyncClient, url: str, timeout: float = 10, key: str = KEY) -> ChatModel:
    return OpenAICompatible(
        client, base_url=f"{url}/v1", api_key=key, model="small", context_tokens=3000, timeout=timeout
    )


def gemini(client: httpx.AsyncClient, url: str, timeout: float = 10, key: str = KEY) -> ChatModel:
    return Gemini(
        client, base_url=url, version="v1beta", api_key=key, model="small", context_tokens=3000, timeout=timeout
    )


def ollama(client: httpx.AsyncClient, url: str, timeout: float = 10, key: str = "") -> ChatModel:
    return Ollama(client, base_url=url, model="small", context_tokens=3000, timeout=timeout, window_tokens=32768)


WIRES = [
    Wire("venice", ScriptedLlm, venice, {
        FailureClass.TRANSIENT: venice_refusal(503),
        FailureClass.RATE_LIMITED: venice_refusal(429, retry_after=7),
        FailureClass.QUOTA: venice_refusal(402, "openai"),
        FailureClass.AUTH: venice_refusal(401, "details"),
        FailureClass.BAD_REQUEST: venice_refusal(400, "details"),
        FailureClass.CONTENT_BLOCKED: venice_refusal(422),
    }),
    Wire("gemini", ScriptedGemini, gemini, {
        FailureClass.TRANSIENT: gemini_faults.overloaded(),
        FailureClass.RATE_LIMITED: gemini_faults.per_minute("7s"),
        FailureClass.QUOTA: gemini_faults.per_day(),
        FailureClass.AUTH: gemini_faults.bad_key(),
        FailureClass.BAD_REQUEST: gemini_faults.error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
        FailureClass.CONTENT_BLOCKED: gemini_faults.prompt_blocked(),
    }),
    Wire("ollama", ScriptedOllama, ollama, {
        FailureClass.TRANSIENT: ollama_wire.busy(),
        FailureClass.RATE_LIMITED: Refusal(429, {"error": "too many requests"}, {"Retry-After": "7"}),
        FailureClass.QUOTA: Refusal(402, {"error": "this model needs a subscription"}),
        FailureClass.AUTH: Refusal(404, {"error": "model 'small' not found"}),
        FailureClass.BAD_REQUEST: Refusal(400, {"error": "invalid options"}),
    }),
]  # fmt: skip


@asynccontextmanager
async def asked(wire: Wire, script: Serves, **settings: Any) -> AsyncIterator[ChatModel]:
    async with serving(script.app, stop_grace=0.05) as url, httpx.AsyncClient(verify=False, trust_env=False) as client:
        yield wire.open(client, url, **settings)


async def all_pieces(model: ChatModel, into: list[str] | None = None) -> tuple[list[str], Completion]:
    texts: list[str] = [] if into is None else into
    done: list[Completion] = []
    async with aclosing(model.stream("Be brief.", TALK, max_tokens=40)) as pieces:
        async for piece in pieces:
            assert not done, "something followed the end"
            if isinstance(piece, str):
                texts.append(piece)
            else:
                done.append(piece)
    [completion] = done
    return texts, completion


async def failure(wire: Wire, fault: Fault, *, stream: bool = False, **settings: Any) -> PostgenError:
    script = wire.script(["It would have been a long answer."])
    script.fail_next(fault)
    async with asked(wire, script, **settings) as model:
        with pytest.raises(PostgenError) as raised:
            await (all_pieces(model) if stream else model.complete("Be brief.", TALK, max_tokens=40))
    assert KEY not in str(raised.value.as_json())
    assert raised.value.__cause__ is None or KEY not in repr(raised.value.__cause__)
    return raised.value
