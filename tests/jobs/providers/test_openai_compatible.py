"""Any OpenAI-compatible server: what is asked of it, what its refusals mean, and what is learnt from them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from jobs.errors import ContentBlocked, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.kinds.dialogue import Message
from jobs.providers.chat_model import Completion
from jobs.providers.failure_class import FailureClass, failure_class
from jobs.providers.llm_failures import LlmFailure
from jobs.providers.openai_compatible import OpenAICompatible, is_venice
from jobs.providers.rate_limits import LONGEST_WAIT, RateLimits, rate_limits, retry_in, seconds_until
from sandbox.llm.answers import Answer, Usage
from sandbox.llm.faults import VENICE_ERRORS, ErrorShape, Fault, Refusal, venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import chat_model

TALK = [
    Message(role="user", content="Hi"),
    Message(role="assistant", content="Hello"),
    Message(role="user", content="?"),
]
SHAPES: list[ErrorShape] = ["text", "details", "openai"]


class Fox(BaseModel):
    name: str


@asynccontextmanager
async def asked(llm: ScriptedLlm, **settings: Any) -> AsyncIterator[OpenAICompatible]:
    async with (
        serving(llm.app, stop_grace=0.05) as url,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
    ):
        yield chat_model(client, url, **settings)


async def complete(llm: ScriptedLlm, **settings: Any) -> Completion:
    async with asked(llm, **settings) as model:
        return await model.complete("Be brief.", TALK, max_tokens=40)


async def failure(fault: Fault, **settings: Any) -> LlmFailure:
    llm = ScriptedLlm()
    llm.fail_next(fault)
    with pytest.raises(PostgenError) as raised:
        await complete(llm, **settings)
    assert isinstance(raised.value, LlmFailure)
    return raised.value


async def test_what_is_asked() -> None:
    llm = ScriptedLlm([Answer("Fine.", usage=Usage(11, 3))], api_key="key")
    answer = await complete(llm, api_key="key", model="small")
    assert (answer.text, answer.usage) == ("Fine.", {"prompt_tokens": 11, "completion_tokens": 3})
    assert answer.request_id.startswith("chatcmpl-")
    assert answer.rate is None
    [request] = llm.requests
    assert request.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "?"},
    ]
    assert (request.body["model"], request.body["max_tokens"]) == ("small", 40)
    assert "venice_parameters" not in request.body, "other servers refuse what they do not know"
    assert request.headers["authorization"] == "Bearer key"


async def test_without_a_key_none_is_sent() -> None:
    llm = ScriptedLlm()
    await complete(llm)
    assert "authorization" not in llm.requests[0].headers


async def test_venice_is_told_to_leave_its_own_prompt_out() -> None:
    llm = ScriptedLlm()
    async with serving(llm.app) as url:

        async def to_the_stand_in(request: httpx.Request) -> None:
            request.url = httpx.URL(f"{url}/v1/chat/completions")

        hooks = {"request": [to_the_stand_in]}
        async with httpx.AsyncClient(trust_env=False, verify=False, event_hooks=hooks) as client:
            model = OpenAICompatible(
                client, base_url="http://api.venice.ai/api/v1", api_key="k", model="m", context_tokens=9, timeout=5
            )
            await model.complete("", TALK, max_tokens=1)
    assert llm.requests[0].body["venice_parameters"]["include_venice_system_prompt"] is False
    assert not is_venice("https://venice.ai.example.com/v1")
    assert not is_venice("http://[::1")


@pytest.mark.parametrize("status", sorted(VENICE_ERRORS))
async def test_every_error_that_venice_documents_in_every_shape(status: int) -> None:
    expected: dict[int, tuple[type[PostgenError], str]] = {
        400: (PermanentError, "llm_rejected"),
        401: (Misconfigured, "misconfigured"),
        402: (PermanentError, "llm_quota"),
        403: (Misconfigured, "misconfigured"),
        404: (Misconfigured, "misconfigured"),
        422: (ContentBlocked, "content_blocked"),
        429: (TemporaryError, "llm_rate_limited"),
    }
    kind, code = expected.get(status, (TemporaryError, "llm_overloaded"))
    llm = ScriptedLlm()
    async with asked(llm) as model:
        for shape in SHAPES:
            llm.fail_next(venice_refusal(status, shape))
            with pytest.raises(kind) as raised:
                await model.complete("", TALK, max_tokens=1)
            assert raised.value.code == code, shape
            assert getattr(raised.value, "status") == status  # noqa: B009 - of a failure of ours, not of every error
            assert str(status) in raised.value.detail or status in (402, 404, 422)


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (422, {"message": "max_tokens is too large", "code": "INVALID"}, FailureClass.BAD_REQUEST),
        (413, {"message": "request too large"}, FailureClass.BAD_REQUEST),
        (400, {"code": "content_filter", "message": "The response was filtered"}, FailureClass.CONTENT_BLOCKED),
        (403, {"message": "Your input was flagged by moderation"}, FailureClass.CONTENT_BLOCKED),
        (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}, FailureClass.QUOTA),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, FailureClass.BAD_REQUEST),
        (408, {"message": "timeout"}, FailureClass.TRANSIENT),
    ],
)
async def test_refusals_that_say_more_than_their_status(
    status: int, error: dict[str, str], expected: FailureClass
) -> None:
    assert failure_class(await failure(Refusal(status, {"error": error}))) is expected


async def test_a_text_that_is_too_long_by_the_servers_count() -> None:
    words = "the request exceeds the available context size, try increasing it"
    assert (await failure(Refusal(400, {"error": {"code": 400, "message": words}}))).code == "llm_context_overflow"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_filter_that_answers_with_200(stream: bool) -> None:
    async with asked(ScriptedLlm([Answer("I", "content_filter")])) as model:
        with pytest.raises(ContentBlocked):
            await (drained(model) if stream else model.complete("", TALK, max_tokens=5))


async def drained(model: OpenAICompatible) -> None:
    async for _ in model.stream("", TALK, max_tokens=5):
        pass


async def test_a_refusal_in_its_own_field() -> None:
    message = {"content": None, "refusal": "I cannot help with that."}
    body: dict[str, Any] = {"choices": [{"message": message, "finish_reason": "stop"}]}
    assert (await failure(Refusal(200, body))).code == "content_blocked"


async def test_an_error_in_a_stream_keeps_its_class() -> None:
    llm = ScriptedLlm()
    async with asked(llm) as model:
        classes = {429: FailureClass.RATE_LIMITED, 402: FailureClass.QUOTA, 7: FailureClass.TRANSIENT}
        for code, expected in classes.items():
            llm.fail_next(Refusal(200, {"error": {"code": code, "message": "no"}}))
            with pytest.raises(PostgenError) as raised:
                await drained(model)
            assert failure_class(raised.value) is expected


async def test_thoughts_are_not_said_aloud() -> None:
    assert (await complete(ScriptedLlm(["<think>\nShe asks…\n</think>\n\nFine."]))).text == "Fine."


async def test_half_a_character_waits_for_the_other_half() -> None:
    chunks = "".join(
        f'data: {{"choices": [{{"delta": {{"content": "{text}"}}, "finish_reason": {end}}}]}}\r\n\r\n'
        for text, end in (("a\\ud83e", "null"), ("\\udd8a", "null"), ("\\ud83e", '"stop"'))
    )
    llm = ScriptedLlm()
    llm.fail_next(Refusal(200, chunks, {"content-type": "text/event-stream"}))
    async with asked(llm) as model:
        pieces = [piece async for piece in model.stream("", TALK, max_tokens=5)]
    assert pieces[:2] == ["a", "🦊"]
    assert isinstance(pieces[-1], Completion)
    assert pieces[-1].text == "a🦊"


async def test_a_stream_without_an_end_was_cut() -> None:
    whole = 'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": null}]}\n\n'
    llm = ScriptedLlm()
    llm.fail_next(Refusal(200, whole, {"content-type": "text/event-stream"}))
    async with asked(llm) as model:
        with pytest.raises(TemporaryError, match="broke off"):
            await drained(model)


async def test_a_server_that_leaves_words_out_is_found_out() -> None:
    long_talk = [Message(role="user", content="word " * 2000)]
    async with asked(
        ScriptedLlm([Answer("Yes.", usage=Usage(1800, 3)), Answer("Yes.", usage=Usage(2600, 3))])
    ) as model:
        with pytest.raises(PermanentError, match="1800 tokens of at least 2000") as raised:
            await model.complete("", long_talk, max_tokens=5)
        assert raised.value.code == "llm_context_overflow"
        assert (await model.complete("", long_talk, max_tokens=5)).text == "Yes."


async def test_long_words_of_the_other_side_are_cut() -> None:
    assert len((await failure(Refusal(400, {"error": "x" * 5000}))).detail) < 300


async def test_errors_tell_no_key() -> None:
    for status in (400, 401, 404, 429, 500):
        echo = {"error": "Incorrect API key: very-secret, also sk-abc123def and Bearer ey.abc.def"}
        said = str((await failure(Refusal(status, echo), api_key="very-secret")).as_json())
        assert not any(key in said for key in ("very-secret", "abc123def", "ey.abc.def"))


@pytest.mark.parametrize(
    "broken",
    [
        {"base_url": "http://[::1"},
        {"base_url": "http://127.0.0.1:port"},
        {"base_url": "localhost:8080"},
        {"api_key": "ключ"},
    ],
    ids=str,
)
async def test_a_setting_that_cannot_work_is_the_operators(broken: dict[str, Any]) -> None:
    """It raises the errors of jobs.errors, nothing else; and trying again does not mend an address."""
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        url = broken.pop("base_url", "http://127.0.0.1:9")
        with pytest.raises(Misconfigured, match="VENICE_"):
            await chat_model(client, url, **broken).complete("", TALK, max_tokens=1)


# --- what is learnt from refusals


async def test_a_structure_is_asked_for_strictly() -> None:
    llm = ScriptedLlm(['{"name": "Reynard"}'])
    async with asked(llm) as model:
        fox, completion = await model.structured("Invent.", TALK, Fox, max_tokens=20)
    assert (fox, completion.calls) == (Fox(name="Reynard"), 1)
    form = llm.requests[0].body["response_format"]
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "Fox", True)
    assert form["json_schema"]["schema"]["additionalProperties"] is False
    assert llm.requests[0].messages[0]["content"] == "Invent.", "the schema is not told twice"


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_server_that_refuses_schemas_is_asked_in_words_and_remembered(shape: ErrorShape) -> None:
    """Venice's first shape does not say what is wrong with the request."""
    llm = ScriptedLlm(['{"name": "Reynard"}'] * 2)
    llm.fail_next(venice_refusal(400, shape), venice_refusal(400, shape))
    async with asked(llm) as model:
        _, first = await model.structured("Invent.", TALK, Fox, max_tokens=20)
        _, second = await model.structured("Invent.", TALK, Fox, max_tokens=20)
    assert (first.calls, second.calls) == (3, 1)
    forms = [request.body.get("response_format", {}).get("type") for request in llm.requests]
    assert forms == ["json_schema", "json_object", None, None]
    assert '"properties"' in llm.requests[-1].messages[0]["content"]


async def test_what_is_wrong_for_another_reason_is_not_laid_to_the_schema() -> None:
    llm = ScriptedLlm(['{"name": "Reynard"}'])
    llm.fail_next(*[venice_refusal(400)] * 3)
    async with asked(llm) as model:
        with pytest.raises(PermanentError):
            await model.structured("", TALK, Fox, max_tokens=20)
        assert (await model.structured("", TALK, Fox, max_tokens=20))[1].calls == 1
    assert llm.requests[-1].body["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("status", [401, 402, 404, 422, 429, 503])
async def test_other_refusals_are_not_asked_again_in_other_words(status: int) -> None:
    llm = ScriptedLlm()
    llm.fail_always(venice_refusal(status))
    async with asked(llm) as model:
        with pytest.raises(PostgenError):
            await model.structured("", TALK, Fox, max_tokens=20)
    assert len(llm.requests) == 1


async def test_the_newer_name_of_the_limit_and_a_fixed_temperature() -> None:
    def peculiar(text: str) -> Refusal:
        return Refusal(400, {"error": {"code": "unsupported_parameter", "message": text}})

    llm = ScriptedLlm(["Fine.", "Fine."])
    llm.fail_next(
        peculiar("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        peculiar("Unsupported value: 'temperature' does not support 0.8"),
    )
    async with asked(llm) as model:
        assert (await model.complete("", TALK, max_tokens=7)).calls == 3
        assert (await model.complete("", TALK, max_tokens=7)).calls == 1
    asked_last = llm.requests[-1].body
    assert asked_last["max_completion_tokens"] == 7
    assert not {"max_tokens", "temperature"} & set(asked_last)


# --- how much may be asked


async def test_an_answer_tells_how_much_is_left() -> None:
    headers = {
        "x-ratelimit-limit-requests": "75", "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": f"{time.time() + 40:.0f}", "x-ratelimit-remaining-tokens": "900",
        "x-ratelimit-reset-tokens": "12", "cf-ray": "9ab-FRA",
    }  # fmt: skip
    answer = await complete(ScriptedLlm([Answer("Fine.", headers=headers)]))
    assert answer.request_id == "9ab-FRA"
    assert answer.rate is not None
    assert (answer.rate.limit_requests, answer.rate.remaining_requests, answer.rate.remaining_tokens) == (75, 0, 900)
    assert answer.rate.reset_tokens_in == 12
    assert 30 < (answer.rate.used_up_for or 0) <= 41, "tokens are left, requests are not"


async def test_a_refusal_tells_how_long_to_wait() -> None:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m2.5s", "x-request-id": "r1"}
    error = await failure(Refusal(429, {"error": "slow down"}, headers))
    assert isinstance(error, TemporaryError)
    assert (error.retry_in, error.request_id) == (62.5, "r1")
    assert error.rate == RateLimits(remaining_requests=0, reset_requests_in=62.5)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0), ("1.5", 1.5), ("0", 0.0), ("100000", float(LONGEST_WAIT)), ("", None), (".", None), ("-5", None),
        ("soon", None), ("Wed, 21 Oct 2020 07:28:00 GMT", 0.0), ("nan", None), ("1e3", None), ("²", None),
        ("6m0s", float(LONGEST_WAIT)), ("20ms", 0.02), ("Wed, 99 Oct 2026 07:28:00 GMT", None),
    ],
)  # fmt: skip
def test_how_long_to_wait(header: str, wait: float | None) -> None:
    assert retry_in({"retry-after": header}) == wait


def test_moments() -> None:
    in_a_minute = datetime.now(UTC) + timedelta(seconds=60)
    for told in (
        format_datetime(in_a_minute),
        str(in_a_minute.timestamp()),
        f"{in_a_minute.timestamp() * 1000:.0f}",
    ):
        assert 50 < (seconds_until(told) or 0) < 61
    assert rate_limits({"x-ratelimit-limit-requests": "²"}) is None
