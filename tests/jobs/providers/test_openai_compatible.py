"""Any OpenAI-compatible server: an answer, or one of our errors, and always within its time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from jobs.errors import ContentBlocked, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.kinds.dialogue import Message
from jobs.providers.chat_model import Completion
from jobs.providers.openai_compatible import LONGEST_WAIT
from sandbox.llm.answers import Answer, Usage
from sandbox.llm.faults import (
    VENICE_ERRORS,
    BrokenJson,
    CutOff,
    ErrorShape,
    Fault,
    Hang,
    Refusal,
    Trickle,
    venice_refusal,
)
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import chat_model

TALK = [
    Message(role="user", content="Hi"),
    Message(role="assistant", content="Hello"),
    Message(role="user", content="?"),
]
SHAPES: list[ErrorShape] = ["text", "details", "openai"]


@asynccontextmanager
async def serving_llm(llm: ScriptedLlm) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    async with serving(llm.app) as url, httpx.AsyncClient(verify=False, trust_env=False) as client:
        yield url, client


async def complete(llm: ScriptedLlm, **settings: Any) -> Completion:
    async with serving_llm(llm) as (url, client):
        return await chat_model(client, url, **settings).complete("Be brief.", TALK, max_tokens=40)


async def failure(fault: Fault, **settings: Any) -> PostgenError:
    llm = ScriptedLlm()
    llm.fail_next(fault)
    with pytest.raises(PostgenError) as raised:
        await complete(llm, **settings)
    return raised.value


async def test_an_answer_and_what_was_asked() -> None:
    llm = ScriptedLlm([Answer("Fine.", usage=Usage(11, 3))], api_key="key")
    answer = await complete(llm, api_key="key", model="small")
    assert answer == Completion("Fine.", {"prompt_tokens": 11, "completion_tokens": 3})
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


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", sorted(VENICE_ERRORS))
async def test_every_error_that_venice_documents_in_every_shape(status: int, shape: ErrorShape) -> None:
    error = await failure(venice_refusal(status, shape))
    expected: dict[int, tuple[type[PostgenError], str]] = {
        400: (PermanentError, "llm_rejected"),
        401: (Misconfigured, "misconfigured"),
        402: (PermanentError, "llm_quota"),
        403: (Misconfigured, "misconfigured"),
        404: (Misconfigured, "misconfigured"),
        422: (ContentBlocked, "content_blocked"),
    }
    kind, code = expected.get(status, (TemporaryError, "temporarily_unavailable"))
    assert isinstance(error, kind)
    assert error.code == code
    assert str(status) in error.detail or status in (402, 404, 422)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>502</html>",
        "[]",
        "null",
        "5",
        '"words"',
        "{}",
        '{"error": null}',
        '{"error": []}',
        '{"error": {}}',
        "\ufeff",
    ],
)
@pytest.mark.parametrize("status", [400, 422, 429, 500, 502])
async def test_an_error_in_no_shape_at_all(status: int, body: str) -> None:
    error = await failure(Refusal(status, body))
    assert isinstance(error, TemporaryError if status in (429, 500, 502) else PermanentError)


async def test_a_422_that_is_not_about_content() -> None:
    error = await failure(Refusal(422, {"error": {"message": "max_tokens is too large", "code": "INVALID"}}))
    assert not isinstance(error, ContentBlocked)
    assert error.code == "llm_rejected"


async def test_long_words_of_the_other_side_are_cut() -> None:
    assert len((await failure(Refusal(400, {"error": "x" * 5000}))).detail) < 300


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0), ("1.5", 1.5), ("0", 0.0), ("100000", float(LONGEST_WAIT)), ("", None), (".", None), ("-5", None),
        ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("nan", None), ("1e3", None), ("²", None),
    ],
)  # fmt: skip
async def test_how_long_to_wait(header: str, wait: float | None) -> None:
    error = await failure(Refusal(429, {"error": "slow down"}, {"Retry-After": header}))
    assert isinstance(error, TemporaryError)
    assert error.retry_in == wait


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"choices": []}',
        '{"choices": null}',
        '{"choices": [null]}',
        '{"choices": [{}]}',
        '{"choices": [{"message": null}]}',
        '{"choices": [{"message": {"content": "a"}}], "usage": [1]}',
    ],
)
async def test_an_answer_that_cannot_be_read(body: str) -> None:
    error = await failure(Refusal(200, body))
    assert isinstance(error, TemporaryError)
    assert error.code == "llm_unreadable"


@pytest.mark.parametrize("content", ["null", "[]", "5", "{}"])
async def test_an_answer_without_words_is_empty(content: str) -> None:
    llm = ScriptedLlm()
    llm.fail_next(Refusal(200, f'{{"choices": [{{"message": {{"content": {content}}}}}]}}'))
    assert (await complete(llm)).text == ""


async def test_half_a_json() -> None:
    assert (await failure(BrokenJson())).code == "llm_unreadable"


async def test_a_connection_that_breaks_off() -> None:
    error = await failure(CutOff())
    assert isinstance(error, TemporaryError)
    assert error.code == "llm_unreachable"


@pytest.mark.parametrize("fault", [Hang(), Trickle(0.1)], ids=["silence", "a slow trickle"])
async def test_a_call_ends_in_its_time(fault: Fault) -> None:
    """A byte now and then must not hold a worker for ever: no read time-out fires while bytes come."""
    error = await failure(fault, timeout=0.5)
    assert isinstance(error, TemporaryError)
    assert error.code == "llm_timeout"


async def test_nobody_listens() -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        with pytest.raises(TemporaryError) as raised:
            await chat_model(client, "http://127.0.0.1:9").complete("", TALK, max_tokens=1)
    assert raised.value.code == "llm_unreachable"


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


async def test_errors_tell_no_key() -> None:
    for status in (400, 401, 429, 500):
        error = await failure(Refusal(status, {"error": "no"}), api_key="very-secret")
        assert "very-secret" not in str(error.as_json())
