"""Ollama's own ways: room for the whole text, what was left out, loading, models that are not there."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field

from jobs.errors import Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.providers.chat_model import Completion, Turn
from jobs.providers.failure_class import FailureClass, failure_class
from jobs.providers.ollama import Ollama
from jobs.providers.schema import grammar_schema
from sandbox.llm.answers import Answer, Usage
from sandbox.llm.faults import Refusal
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving

TALK = [Turn("user", "Hi")]
# three bytes to a token are reckoned: four thousand and a few tokens
LONG = [Turn("user", "ab " * 4200)]


def yes(body: dict[str, Any]) -> str:
    return "Yes."


class Fox(BaseModel):
    name: str = Field(pattern="^[A-Z]", max_length=9)
    tail: str = Field(default="red", pattern="^(red|grey)$")


@asynccontextmanager
async def asked(script: ScriptedOllama, **changes: Any) -> AsyncIterator[Ollama]:
    given: dict[str, Any] = {"model": "small", "context_tokens": 3000, "window_tokens": 32768, "timeout": 10, **changes}
    async with (
        serving(script.app, stop_grace=0.05) as url,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
    ):
        yield Ollama(client, base_url=url, **given)


def contexts(script: ScriptedOllama) -> list[int]:
    return [request.body["options"]["num_ctx"] for request in script.requests]


async def test_what_is_asked() -> None:
    script = ScriptedOllama()
    async with asked(script, keep_alive="30m") as model:
        await model.complete("Be brief.", TALK, max_tokens=40, temperature=0.5)
    assert script.requests[0].body == {
        "model": "small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "stream": False,
        "keep_alive": "30m",
        "truncate": False,
        "shift": False,
        "options": {"num_ctx": 4096, "num_predict": 40, "temperature": 0.5},
    }


async def test_the_context_grows_with_the_need_and_does_not_shrink() -> None:
    """Each other context makes Ollama load the model anew."""
    script = ScriptedOllama(yes, load_seconds=21.5)
    async with asked(script) as model:
        first = await model.complete("", TALK, max_tokens=40)
        second = await model.complete("", LONG, max_tokens=40)
        third = await model.complete("", TALK, max_tokens=40)
        fourth = await model.complete("", TALK, max_tokens=9000)
    assert contexts(script) == [4096, 8192, 8192, 16384]
    assert script.loads == 3
    assert [each.usage["model_load_seconds"] for each in (first, second, third, fourth)] == [21.5, 21.5, 0.0, 21.5]
    assert script.looks == 1, "the model is looked at once"


async def test_no_more_is_asked_for_than_the_model_was_made_for() -> None:
    script = ScriptedOllama(yes, trained_context=6000)
    async with asked(script) as model:
        await model.complete("", LONG, max_tokens=40)
        with pytest.raises(PermanentError, match="holds 6000") as raised:
            await model.complete("", [Turn("user", "ab " * 6000)], max_tokens=40)
    assert contexts(script) == [6000]
    assert raised.value.code == "llm_context_overflow"


async def test_a_text_with_more_tokens_than_reckoned_gets_more_room() -> None:
    """The server counts, says how many, and is asked again with room for that."""
    script = ScriptedOllama(yes, tokens_per_word=3)
    async with asked(script) as model:
        answer = await model.complete("", LONG, max_tokens=40)
    assert contexts(script) == [8192, 16384]
    assert (answer.calls, answer.usage["prompt_tokens"]) == (2, 12600)


async def test_a_text_that_fits_nowhere() -> None:
    script = ScriptedOllama(yes, tokens_per_word=9)
    async with asked(script) as model:
        with pytest.raises(PermanentError) as raised:
            await model.complete("", LONG, max_tokens=40)
        with pytest.raises(PermanentError):
            await anext(model.stream("", LONG, max_tokens=40))
    assert failure_class(raised.value) is FailureClass.BAD_REQUEST
    assert raised.value.code == "llm_context_overflow"
    assert "37800 tokens" in raised.value.detail


async def test_the_refusal_of_an_older_server_names_no_count() -> None:
    script = ScriptedOllama()
    script.fail_next(Refusal(400, {"error": "the input length exceeds the context length"}))
    async with asked(script) as model:
        await model.complete("", TALK, max_tokens=40)
    assert contexts(script) == [4096, 8192]


async def test_messages_that_an_old_server_left_out_are_noticed() -> None:
    """It keeps the newest that fit and answers as if nothing was; the oldest message is what is missing here."""
    script = ScriptedOllama(yes, version="0.12.5", tokens_per_word=2)
    talk = [Turn("user", "ab " * 1800), Turn("assistant", "yes"), Turn("user", "ab " * 900)]
    async with asked(script, window_tokens=4096) as model:
        for stream in (False, True):
            with pytest.raises(PermanentError, match="left out a part of the text") as raised:
                await (all_of(model, talk) if stream else model.complete("", talk, max_tokens=40))
            assert raised.value.code == "llm_context_overflow"


async def all_of(model: Ollama, talk: list[Turn]) -> Completion:
    *_, last = [piece async for piece in model.stream("", talk, max_tokens=40)]
    assert isinstance(last, Completion)
    return last


async def test_a_text_cut_to_the_whole_context_is_noticed() -> None:
    for usage in (Usage(4096, 11), Usage(4000, 300)):
        async with asked(ScriptedOllama([Answer("Yes.", usage=usage)])) as model:
            with pytest.raises(PermanentError, match="did not fit into 4096 tokens"):
                await model.complete("", TALK, max_tokens=400)


async def test_an_answer_that_fills_the_context_is_cut_off_and_no_more() -> None:
    """As it is counted by servers that leave nothing out."""
    async with asked(ScriptedOllama([Answer("Yes and", "length", Usage(3645, 452))])) as model:
        assert (await model.complete("", TALK, max_tokens=4000)).finish == "length"


async def test_a_server_that_does_not_count_its_cache_is_believed() -> None:
    """Some versions that refuse what does not fit count only what they had not read before."""
    async with asked(ScriptedOllama([Answer("Yes.", usage=Usage(12, 3))], version="0.30.0")) as model:
        assert (await model.complete("", LONG, max_tokens=40)).text == "Yes."
    async with asked(ScriptedOllama([Answer("Yes.", usage=Usage(12, 3))], version="0.9.6")) as model:
        with pytest.raises(PermanentError, match="left out"):
            await model.complete("", LONG, max_tokens=40)


async def test_a_model_that_is_not_there() -> None:
    script = ScriptedOllama(models={"other"})
    async with asked(script, model="qwen2.5:7b") as model:
        for call in (model.complete("", TALK, max_tokens=1), model.probe(), all_of(model, TALK)):
            with pytest.raises(Misconfigured, match=r"`ollama pull qwen2\.5:7b`") as raised:
                await call
    assert "OLLAMA_MODEL" in raised.value.detail
    assert script.requests == []


async def test_another_server_at_that_address() -> None:
    async with asked(ScriptedOllama()) as model:
        model.base_url += "/elsewhere"
        with pytest.raises(Misconfigured, match=r"There is no Ollama at .*OLLAMA_URL"):
            await model.complete("", TALK, max_tokens=1)


async def test_ollama_does_not_run() -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        model = Ollama(
            client, base_url="http://me:secret@127.0.0.1:9", model="m", context_tokens=1, window_tokens=4096, timeout=5
        )
        with pytest.raises(TemporaryError) as raised:
            await model.complete("", TALK, max_tokens=1)
    assert "http://127.0.0.1:9" in raised.value.detail
    assert "ollama serve" in raised.value.detail
    assert "secret" not in raised.value.detail


async def test_a_model_may_come_later() -> None:
    script = ScriptedOllama(models=set())
    async with asked(script) as model:
        with pytest.raises(Misconfigured):
            await model.complete("", TALK, max_tokens=1)
        script.models = {"small"}
        assert (await model.complete("", TALK, max_tokens=1)).text == "Hi"


@pytest.mark.parametrize(
    ("line", "expected", "code"),
    [
        ({"error": "llama runner process has terminated"}, FailureClass.TRANSIENT, "llm_overloaded"),
        ({"error": "the input length exceeds the context length"}, FailureClass.BAD_REQUEST, "llm_context_overflow"),
    ],
)
async def test_a_line_with_an_error_in_a_stream(line: dict[str, str], expected: FailureClass, code: str) -> None:
    first = {"model": "small", "message": {"role": "assistant", "content": "one "}, "done": False}
    script = ScriptedOllama()
    body = "".join(json.dumps(each) + "\n" for each in (first, line))
    script.fail_next(Refusal(200, body, {"content-type": "application/x-ndjson"}))
    async with asked(script) as model:
        pieces = model.stream("", TALK, max_tokens=40)
        assert await anext(pieces) == "one "
        with pytest.raises(PostgenError) as raised:
            await anext(pieces)
    assert (failure_class(raised.value), raised.value.code) == (expected, code)


async def test_the_schema_goes_into_the_grammar_and_into_the_words() -> None:
    script = ScriptedOllama(['{"name": "R"}'])
    async with asked(script) as model:
        fox, _ = await model.structured("Invent.", TALK, Fox, max_tokens=20)
    assert fox == Fox(name="R")
    body = script.requests[0].body
    assert body["format"] == grammar_schema(Fox)
    assert body["messages"][0]["content"].startswith("Invent.\n\nAnswer with JSON")
    properties = body["format"]["properties"]
    assert "pattern" not in properties["name"], "a grammar takes anchored patterns only"
    assert properties["tail"] == {"type": "string", "pattern": "^(red|grey)$"}


async def test_a_server_that_makes_no_grammar_of_it() -> None:
    script = ScriptedOllama(['{"name": "R"}'] * 2)
    script.fail_next(Refusal(400, {"error": 'invalid format: expected "json"'}))
    async with asked(script) as model:
        assert (await model.structured("", TALK, Fox, max_tokens=20))[1].calls == 2
        assert (await model.structured("", TALK, Fox, max_tokens=20))[1].calls == 1
    assert [request.body["format"] == "json" for request in script.requests] == [False, True, True]
