"""A real small model behind three wires: it follows a form and streams through the adapters, which are as always."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel, Field

from jobs.errors import PermanentError
from jobs.providers.chat_model import ChatModel, Completion, Turn
from jobs.providers.gemini import Gemini
from jobs.providers.ollama import Ollama
from jobs.providers.openai_compatible import OpenAICompatible
from sandbox.llm.real import ALIAS, TOKENS_PER_SLOT
from sandbox.small_model import gemini, ollama
from tests.sandbox.running_small_model import running_small_model

QUESTION = [Turn("user", "What is the capital of France?")]
WIRES = ("openai", "ollama", "gemini")


class Animal(BaseModel):
    name: str = Field(max_length=40)
    legs: int = Field(ge=0, le=100)
    size: Literal["small", "large"]
    habits: list[str] = Field(min_length=1)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_small_model() as address:
        yield address


@asynccontextmanager
async def small_model(url: str, wire: str) -> AsyncIterator[ChatModel]:
    limits: dict[str, Any] = {"context_tokens": 1000, "timeout": 60}
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        if wire == "openai":
            yield OpenAICompatible(client, base_url=f"{url}/v1", api_key="", model=ALIAS, **limits)
        elif wire == "ollama":
            yield Ollama(client, base_url=url, model=ollama.NAME, window_tokens=32768, **limits)
        else:
            yield Gemini(client, base_url=url, version="v1beta", api_key="any", model=gemini.NAME, **limits)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_structure(url: str, wire: str) -> None:
    async with small_model(url, wire) as model:
        said = [Turn("user", "Describe a cat: its name, how many legs it has, its size.")]
        animal, completion = await model.structured("You answer briefly.", said, Animal, max_tokens=200, temperature=0)
        if isinstance(model, OpenAICompatible):
            assert model.dialect.form == "json_schema", "the server has taken the strict schema"
    assert animal.size in ("small", "large")
    assert animal.habits
    assert completion.calls == 1, "valid at once: the form goes into the decoding"
    assert completion.usage["prompt_tokens"] > 10
    assert completion.usage["completion_tokens"] > 5


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream(url: str, wire: str) -> None:
    async with small_model(url, wire) as model:
        pieces = [piece async for piece in model.stream("", QUESTION, max_tokens=24, temperature=0)]
    *texts, done = pieces
    assert isinstance(done, Completion)
    assert len(texts) > 2
    assert "".join(str(text) for text in texts) == done.text
    assert "Paris" in done.text
    assert 0 < done.usage["completion_tokens"] <= 24


@pytest.mark.parametrize("wire", WIRES)
async def test_a_text_longer_than_its_context(url: str, wire: str) -> None:
    """The server says so, in its own words."""
    async with small_model(url, wire) as model:
        with pytest.raises(PermanentError) as raised:
            await model.complete("", [Turn("user", "fox " * (TOKENS_PER_SLOT + 50))], max_tokens=5)
    assert raised.value.code == "llm_context_overflow"


async def test_ollama_tells_what_it_holds_and_which_models_it_has(url: str) -> None:
    async with small_model(url, "ollama") as model:
        assert await model.window() == TOKENS_PER_SLOT, "whatever was asked for"
        with pytest.raises(PermanentError) as raised:
            await model.named("qwen2.5:7b").window()
    assert raised.value.code == "llm_model_missing"
    assert "ollama pull qwen2.5:7b" in str(raised.value)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        running = (await client.get("/api/ps")).json()["models"]
        listed = (await client.get("/api/tags")).json()["models"]
        engine = (await client.get("/props")).json()
    assert [each["name"] for each in listed] == [ollama.NAME]
    assert [(each["name"], each["context_length"]) for each in running] == [(ollama.NAME, TOKENS_PER_SLOT)]
    of_a_slot = engine["default_generation_settings"]["n_ctx"]
    assert (of_a_slot, engine["total_slots"]) == (TOKENS_PER_SLOT, 2), "one for whoever writes to the bot meanwhile"


async def test_ollama_keeps_to_the_context_that_is_asked_for(url: str) -> None:
    """Unless it must refuse it leaves out the oldest messages, never the system's and the last one."""
    messages = [
        {"role": "system", "content": "You answer with one word."},
        {"role": "user", "content": "fox " * 300},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    asked = {"model": ollama.NAME, "messages": messages, "stream": False, "options": {"num_ctx": 128, "num_predict": 4}}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        kept = (await client.post("/api/chat", json=asked)).raise_for_status().json()
        refused = await client.post("/api/chat", json={**asked, "truncate": False})
    assert kept["prompt_eval_count"] < 128
    assert (refused.status_code, "exceeds the available context size (128" in refused.json()["error"]) == (400, True)


async def test_who_leaves_stops_the_model(url: str) -> None:
    """The next question waits for the one place that these wires have."""
    long = [Turn("user", "Count from 1 to 2000, in words.")]
    async with small_model(url, "ollama") as model:
        async with aclosing(model.stream("", long, max_tokens=4000, temperature=0)) as pieces:
            await anext(pieces)
        done = await model.complete("", QUESTION, max_tokens=8, temperature=0)
    assert done.text
