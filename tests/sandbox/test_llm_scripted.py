"""The scripted LLM: answers, streams, faults to order, and what it remembers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from sandbox.llm.answers import Answer, Usage
from sandbox.llm.faults import BrokenJson, CutOff, Hang, Refusal, StreamError, Trickle, venice_refusal
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving

CHAT = "/v1/chat/completions"


def body(text: str = "hello there", **more: Any) -> dict[str, Any]:
    return {"model": "any", "messages": [{"role": "user", "content": text}], **more}


@asynccontextmanager
async def connected(llm: ScriptedLlm) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(llm.app) as base_url, httpx.AsyncClient(base_url=base_url, timeout=5) as client:
        yield client


async def events_of(client: httpx.AsyncClient, **more: Any) -> list[str]:
    async with client.stream("POST", CHAT, json=body(stream=True, **more)) as response:
        assert response.headers["content-type"] == "text/event-stream"
        return [line.removeprefix("data: ") async for line in response.aiter_lines() if line]


def text_of(events: list[str]) -> str:
    chunks = [json.loads(event) for event in events if event != "[DONE]"]
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


async def test_echoes_the_last_user_message_and_counts_words() -> None:
    async with connected(ScriptedLlm(model="tiny")) as client:
        completion = (await client.post(CHAT, json=body("one two three"))).json()
    assert completion["choices"][0]["message"] == {"role": "assistant", "content": "one two three"}
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["model"] == "tiny"
    assert completion["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}


async def test_scripted_answers_come_in_order_and_their_end_is_an_error() -> None:
    llm = ScriptedLlm(["first", Answer("second", "length", Usage(10, 20))])
    async with connected(llm) as client:
        answers = [await client.post(CHAT, json=body()) for _ in range(3)]
        llm.say(lambda request: request["model"].upper())
        computed = await client.post(CHAT, json=body())
    choices = [answer.json()["choices"][0] for answer in answers[:2]]
    assert [choice["message"]["content"] for choice in choices] == ["first", "second"]
    assert choices[1]["finish_reason"] == "length"
    assert answers[1].json()["usage"]["total_tokens"] == 30
    assert answers[2].status_code == 500
    assert "no answer left for 'hello there'" in answers[2].json()["error"]
    assert computed.json()["choices"][0]["message"]["content"] == "ANY"


async def test_streams_words_then_reason_usage_and_done() -> None:
    async with connected(ScriptedLlm(["красная лиса  спит"])) as client:
        events = await events_of(client, stream_options={"include_usage": True})
    assert text_of(events) == "красная лиса  спит"
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    assert json.loads(events[-3])["choices"][0]["finish_reason"] == "stop"


async def test_streams_no_usage_unless_asked() -> None:
    async with connected(ScriptedLlm()) as client:
        assert not any("usage" in event for event in await events_of(client))


@pytest.mark.parametrize("status", [400, 401, 402, 422, 429, 500, 503])
async def test_refusals_come_in_three_shapes_and_then_it_answers(status: int) -> None:
    llm = ScriptedLlm()
    llm.fail_next(
        venice_refusal(status), venice_refusal(status, "details"), venice_refusal(status, "openai", retry_after=7)
    )
    async with connected(llm) as client:
        text, details, openai, answered = [await client.post(CHAT, json=body()) for _ in range(4)]
    assert {answer.status_code for answer in (text, details, openai)} == {status}
    assert isinstance(text.json()["error"], str)
    assert {"error", "details", "issues"} <= details.json().keys()
    assert {"message", "type", "param", "code"} <= openai.json()["error"].keys()
    assert openai.headers["retry-after"] == "7"
    assert answered.status_code == 200
    assert [request.outcome for request in llm.requests] == ["refused"] * 3 + ["answered"]


async def test_a_lasting_fault_ends_when_it_is_taken_back() -> None:
    llm = ScriptedLlm()
    llm.fail_always(Refusal(502, "<html>Bad gateway</html>"))
    async with connected(llm) as client:
        refused = await client.post(CHAT, json=body())
        llm.fail_always(None)
        answered = await client.post(CHAT, json=body())
    assert (refused.status_code, refused.text) == (502, "<html>Bad gateway</html>")
    assert answered.status_code == 200


async def test_a_cut_breaks_the_connection_in_the_middle_of_stream_and_answer() -> None:
    llm = ScriptedLlm(lambda request: "one two three four")
    llm.fail_always(CutOff(after_pieces=2))
    async with connected(llm) as client, client.stream("POST", CHAT, json=body(stream=True)) as response:
        lines = response.aiter_lines()
        received = [await anext(lines) for _ in range(6)]  # role, "one ", "two ", each with an empty line behind it
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(lines)
    async with connected(llm) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(CHAT, json=body())
    assert text_of([line.removeprefix("data: ") for line in received if line]) == "one two "


async def test_an_error_inside_a_stream_and_json_that_breaks_off() -> None:
    llm = ScriptedLlm()
    llm.fail_next(StreamError(after_pieces=1, message="GPU lost"), BrokenJson(), BrokenJson())
    async with connected(llm) as client:
        with_error = await events_of(client)
        broken = await events_of(client)
        plain = await client.post(CHAT, json=body())
    assert json.loads(with_error[-1])["error"]["message"] == "GPU lost"
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken[-1])
    assert plain.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        plain.json()


async def test_trickles_a_character_at_a_time() -> None:
    llm = ScriptedLlm(["slow"])
    llm.fail_next(Trickle(seconds_per_character=0.001))
    async with connected(llm) as client:
        events = await events_of(client)
    assert text_of(events) == "slow"
    assert len(events) == len("slow") + 3


async def test_hangs_until_the_client_leaves_and_notices_it() -> None:
    llm = ScriptedLlm()
    llm.fail_next(Hang())
    async with connected(llm) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(CHAT, json=body(), timeout=0.2)
        answered = await client.post(CHAT, json=body())
    assert answered.status_code == 200
    assert llm.requests[0].outcome == "client left"


async def test_a_paused_server_takes_requests_and_answers_when_resumed() -> None:
    llm = ScriptedLlm()
    llm.pause()
    async with connected(llm) as client, asyncio.TaskGroup() as group:
        asked = group.create_task(client.post(CHAT, json=body()))
        await llm.wait_for_requests(1)
        assert llm.requests[0].outcome == "waiting"
        llm.resume()
        assert (await asked).status_code == 200


async def test_waits_the_latency_before_the_first_byte_and_records_times_keys_and_messages() -> None:
    llm = ScriptedLlm(latency=0.05, api_key="k")
    async with connected(llm) as client:
        answered = await client.post(CHAT, json=body("hi"), headers={"Authorization": "Bearer k"})
        refused = await client.post(CHAT, json=body("hi"))
    request = llm.requests[0]
    assert (answered.status_code, refused.status_code) == (200, 401)
    assert request.messages == [{"role": "user", "content": "hi"}]
    assert request.headers["authorization"] == "Bearer k"
    assert request.first_byte is not None
    assert request.first_byte - request.received >= 0.05
    assert request.seconds >= 0.05
    assert request.received_at.tzinfo is not None


async def test_refuses_what_is_not_a_chat_request() -> None:
    llm = ScriptedLlm()
    async with connected(llm) as client:
        answers = [
            await client.post(CHAT, content=b"{"),
            await client.post(CHAT, json=["messages"]),
            await client.post(CHAT, json={"model": "any"}),
        ]
        models = await client.get("/v1/models")
        health = await client.get("/health")
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert llm.requests == []
    assert models.json()["data"][0]["id"] == "scripted"
    assert health.status_code == 200
