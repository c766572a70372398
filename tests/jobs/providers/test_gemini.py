"""Gemini's own ways: blocks that come as an answer, quotas of a minute and of a day, schemas, the key's place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel, Field

from jobs.errors import ContentBlocked, Misconfigured, PostgenError, TemporaryError
from jobs.providers.chat_model import Completion, Turn
from jobs.providers.failure_class import FailureClass, failure_class
from jobs.providers.gemini import Gemini, _until_new_day
from jobs.providers.llm_failures import QuotaExhausted
from jobs.providers.schema import GEMINI_KEYWORDS, gemini_schema
from sandbox import gemini_faults
from sandbox.gemini import ScriptedGemini
from sandbox.llm.answers import Answer
from sandbox.llm.faults import Refusal
from sandbox.serve import serving

TALK = [Turn("user", "Hi")]


class Den(BaseModel):
    kind: Literal["den"] = "den"
    depth: float = Field(ge=0, lt=9)


class Fox(BaseModel):
    """A fox."""

    name: str = Field(min_length=1, max_length=20, pattern="^[A-Z]", description="as its mother calls it")
    dens: list[Den] = Field(default=[], max_length=3)
    friend: "Fox | None" = None


@asynccontextmanager
async def asked(script: ScriptedGemini, **changes: Any) -> AsyncIterator[Gemini]:
    given: dict[str, Any] = {"version": "v1beta", "api_key": "key", "model": "small", "context_tokens": 3000, **changes}
    async with (
        serving(script.app, stop_grace=0.05) as url,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
    ):
        yield Gemini(client, base_url=f"{url}/", timeout=10, **given)


async def drained(model: Gemini) -> Completion:
    *_, last = [piece async for piece in model.stream("", TALK, max_tokens=5)]
    assert isinstance(last, Completion)
    return last


async def failure(fault: Refusal) -> PostgenError:
    script = ScriptedGemini()
    script.fail_next(fault)
    async with asked(script) as model:
        with pytest.raises(PostgenError) as raised:
            await model.complete("", TALK, max_tokens=5)
    return raised.value


async def test_the_key_goes_into_a_header_and_nowhere_else() -> None:
    script = ScriptedGemini(api_key="key")
    async with asked(script) as model:
        await model.complete("Be brief.", TALK, max_tokens=40)
        await drained(model)
    for request in script.requests:
        assert request.headers["x-goog-api-key"] == "key"
        assert "key" not in request.path + request.query
    assert [request.path for request in script.requests] == [
        "/v1beta/models/small:generateContent",
        "/v1beta/models/small:streamGenerateContent",
    ]
    assert script.requests[1].query == "alt=sse"


async def test_what_is_asked() -> None:
    script = ScriptedGemini()
    talk = [Turn("user", "Hi"), Turn("user", "There?"), Turn("assistant", "Yes"), Turn("user", "Good")]
    async with asked(script, version="v1", model="models/tiny") as model:
        await model.complete("Be brief.", talk, max_tokens=40, temperature=0.5)
    [request] = script.requests
    assert request.path == "/v1/models/tiny:generateContent"
    assert request.body == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"text": "There?"}]},
            {"role": "model", "parts": [{"text": "Yes"}]},
            {"role": "user", "parts": [{"text": "Good"}]},
        ],
        "generationConfig": {"maxOutputTokens": 40, "temperature": 0.5},
    }


async def test_thoughts_are_counted_and_not_said() -> None:
    script = ScriptedGemini()
    parts = [{"text": "She asks…", "thought": True}, {"text": "Fine."}]
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 90}
    candidate = {"content": {"parts": parts}, "finishReason": "STOP"}
    body: dict[str, Any] = {
        "candidates": [candidate],
        "usageMetadata": usage,
        "responseId": "r1",
        "modelVersion": "m-2",
    }
    script.fail_next(Refusal(200, body))
    async with asked(script) as model:
        answer = await model.complete("", TALK, max_tokens=5)
    assert answer.text == "Fine."
    assert answer.usage == {"prompt_tokens": 4, "completion_tokens": 2, "thought_tokens": 90}
    assert (answer.request_id, answer.model) == ("r1", "m-2")


BLOCKS = [
    *[gemini_faults.prompt_blocked(reason) for reason in ("SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "OTHER")],
    *[gemini_faults.answer_blocked(reason) for reason in ("SAFETY", "RECITATION", "BLOCKLIST", "SPII", "LANGUAGE")],
]


async def test_every_block_that_arrives_with_200() -> None:
    script = ScriptedGemini()
    async with asked(script) as model:
        for block in BLOCKS:
            script.fail_next(block, block)
            with pytest.raises(ContentBlocked, match="refused this content") as whole:
                await model.complete("", TALK, max_tokens=5)
            with pytest.raises(ContentBlocked):
                await drained(model)
            assert getattr(whole.value, "reason") in str(block.body)  # noqa: B009 - of ours, not of every ContentBlocked
            assert whole.value.usage == {"prompt_tokens": 9}, "it was read, and is paid for"


async def test_a_block_in_the_middle_of_a_stream() -> None:
    async with asked(ScriptedGemini([Answer("one two", "content_filter")])) as model:
        pieces = model.stream("", TALK, max_tokens=5)
        assert await anext(pieces) == "one "
        with pytest.raises(ContentBlocked):
            await anext(pieces)


async def test_no_candidate_and_no_reason() -> None:
    assert (await failure(Refusal(200, {"candidates": []}))).code == "llm_unreadable"


async def test_a_quota_of_a_minute_is_waited_for() -> None:
    for fault in (gemini_faults.per_minute("34.07s"), gemini_faults.per_minute("34.07s", in_words=True)):
        error = await failure(fault)
        assert failure_class(error) is FailureClass.RATE_LIMITED
        assert isinstance(error, TemporaryError)
        assert error.retry_in == 34.07
    unsaid = await failure(gemini_faults.per_minute(None))
    assert isinstance(unsaid, TemporaryError)
    assert unsaid.retry_in is None


async def test_a_quota_of_a_day_is_not_waited_for_whatever_delay_is_named() -> None:
    error = await failure(gemini_faults.per_day("12s"))
    assert isinstance(error, QuotaExhausted)
    assert (error.retryable, error.blame) == (False, "platform")
    assert 0 < (error.resets_in or 0) <= 86400


async def test_a_wait_that_is_too_long_to_be_one() -> None:
    """A job does not sit through an hour: somebody should hear of it."""
    error = await failure(gemini_faults.error(429, "RESOURCE_EXHAUSTED", "Please retry in 1h2m3s."))
    assert isinstance(error, QuotaExhausted)
    assert error.resets_in == 3723


def test_a_day_ends_at_midnight_on_the_pacific_coast() -> None:
    assert _until_new_day(datetime(2026, 1, 1, 7, 59, tzinfo=UTC)) == 60
    assert _until_new_day(datetime(2026, 1, 1, 8, 0, tzinfo=UTC)) == 86400


async def test_errors_in_a_list() -> None:
    fault = gemini_faults.error(503, "UNAVAILABLE", "The model is overloaded.", wrapped=True)
    assert (await failure(fault)).code == "llm_overloaded"


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (gemini_faults.bad_key(), "GEMINI_API_KEY"),
        (gemini_faults.error(403, "PERMISSION_DENIED", "Your project has been denied access."), "GEMINI_API_KEY"),
        (gemini_faults.error(400, "FAILED_PRECONDITION", "User location is not supported."), "GEMINI_API_KEY"),
        (gemini_faults.no_such_model("small"), "GEMINI_MODEL"),
    ],
)
async def test_what_the_operator_must_mend(fault: Refusal, names: str) -> None:
    error = await failure(fault)
    assert isinstance(error, Misconfigured)
    assert names in error.detail


async def test_a_text_that_is_too_long() -> None:
    assert (await failure(gemini_faults.too_long(2_000_000, 1_048_576))).code == "llm_context_overflow"


async def test_a_look_at_the_model() -> None:
    script = ScriptedGemini(api_key="key", models={"small"})
    async with asked(script) as model:
        await model.probe()
    async with asked(script, model="gone") as model:
        with pytest.raises(Misconfigured, match="GEMINI_MODEL"):
            await model.probe()
    async with asked(script, api_key="wrong") as model:
        with pytest.raises(Misconfigured, match="GEMINI_API_KEY"):
            await model.probe()
    assert script.requests == [], "a look costs no quota"


def keywords(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(keywords, schema))
    if not isinstance(schema, dict):
        return set()
    below = [each for key, value in schema.items()
             for each in (value.values() if key in ("properties", "$defs") else [value])]  # fmt: skip
    return set(schema).union(*map(keywords, below))


def test_a_schema_as_gemini_takes_it() -> None:
    schema = gemini_schema(Fox)
    assert keywords(schema) <= GEMINI_KEYWORDS
    den, fox = schema["$defs"]["Den"], schema["$defs"]["Fox"]
    assert den["properties"]["kind"]["enum"] == ["den"], "it does not know const"
    assert den["properties"]["depth"] == {"minimum": 0, "title": "Depth", "type": "number"}
    assert fox["properties"]["name"]["description"] == "as its mother calls it"
    assert fox["properties"]["dens"]["maxItems"] == 3


async def test_a_structure_is_asked_for_with_its_schema() -> None:
    script = ScriptedGemini(['{"name": "R", "dens": [], "friend": null}'])
    async with asked(script) as model:
        fox, _ = await model.structured("Invent.", TALK, Fox, max_tokens=20)
    assert fox.name == "R"
    [request] = script.requests
    settings = request.body["generationConfig"]
    assert settings["responseMimeType"] == "application/json"
    assert settings["responseJsonSchema"] == gemini_schema(Fox)
    assert request.body["systemInstruction"]["parts"] == [{"text": "Invent."}], "the schema is not told twice"


async def test_a_schema_that_gemini_refuses_is_told_in_words_and_that_is_remembered() -> None:
    script = ScriptedGemini(['{"name": "R"}'] * 2, refuses_schema=True)
    async with asked(script) as model:
        first = (await model.structured("Invent.", TALK, Fox, max_tokens=20))[1]
        second = (await model.structured("Invent.", TALK, Fox, max_tokens=20))[1]
    assert (first.calls, second.calls) == (2, 1)
    last = script.requests[-1].body
    assert "JSON Schema" in last["systemInstruction"]["parts"][0]["text"]
    assert last["generationConfig"]["responseMimeType"] == "application/json"
