"""Misfortunes that a test can order, and flood control."""

import httpx
import pytest

from sandbox.bot_api.options import FloodLimits, SandboxOptions
from sandbox.bot_api.rehearsal import Stage, rehearsal


async def order(stage: Stage, **fault: object) -> None:
    await stage.control("POST", "faults", **fault)


async def test_429_with_its_wait_meets_the_ordered_number_of_calls() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        await order(stage, kind="too_many_requests", method="sendMessage", times=2, retry_after=7)
        other = await stage.raw("sendChatAction", chat_id=user, action="typing")
        answers = [await stage.raw("sendMessage", chat_id=user, text=str(number)) for number in range(3)]
        calls = await stage.control("GET", "calls?method=sendMessage")
        left = await stage.control("GET", "faults")
        messages = await stage.bot_messages(user)
    assert other.status_code == 200
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
    }
    assert [call.get("fault") for call in calls] == ["too_many_requests", "too_many_requests", None]
    assert [call["processed"] for call in calls] == [False, False, True]
    assert left == []
    assert [message["text"] for message in messages] == ["2"]


async def test_a_fault_for_one_chat_leaves_the_others_alone() -> None:
    async with rehearsal() as stage:
        anna, bob = await stage.user("Anna"), await stage.user("Bob")
        await order(stage, kind="server_error", chat_id=bob)
        assert (await stage.raw("sendMessage", chat_id=anna, text="x")).status_code == 200
        failed = await stage.raw("sendMessage", chat_id=bob, text="x")
    assert failed.status_code == 500
    assert failed.json() == {"ok": False, "error_code": 500, "description": "Internal Server Error"}


async def test_a_gateway_answers_with_a_page() -> None:
    async with rehearsal() as stage:
        await order(stage, kind="bad_gateway")
        response = await stage.raw("getMe")
    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("kind", "arrives"), [("drop_before", False), ("drop_after", True)])
async def test_a_dropped_call_is_carried_out_or_not(kind: str, arrives: bool) -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        await order(stage, kind=kind, method="sendMessage")
        with pytest.raises(httpx.RemoteProtocolError):
            await stage.raw("sendMessage", chat_id=user, text="lost answer")
        [call] = await stage.control("GET", "calls?method=sendMessage")
        messages = await stage.bot_messages(user)
    assert bool(messages) is arrives
    assert (call["processed"], call["answered"]) == (arrives, False)


async def test_a_delayed_call_is_carried_out_late() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        await order(stage, kind="delay", seconds=0.15, chat_id=user)
        await stage.call("sendMessage", chat_id=user, text="x")
        [call] = await stage.control("GET", "calls?method=sendMessage")
        [message] = await stage.bot_messages(user)
    assert message["received_at"] - call["received_at"] >= 0.149


async def test_faults_can_be_taken_back() -> None:
    async with rehearsal() as stage:
        await order(stage, kind="server_error", times=9)
        await stage.control("DELETE", "faults")
        await stage.call("getMe")


async def test_an_order_that_makes_no_sense_is_refused() -> None:
    async with rehearsal() as stage:
        response = await stage.http.post("/sandbox/faults", json={"kind": "earthquake"})
    assert response.status_code == 422


async def test_flood_control_lets_bursts_through_and_names_the_wait() -> None:
    limits = FloodLimits(overall_per_second=4, chat_per_second=0.5, chat_burst=2)
    async with rehearsal(SandboxOptions(flood=limits)) as stage:
        anna, bob = await stage.user("Anna"), await stage.user("Bob")
        sent = await stage.call("sendMessage", chat_id=anna, text="1")
        await stage.call("editMessageText", chat_id=anna, message_id=sent["message_id"], text="2")
        refused = await stage.raw("sendMessage", chat_id=anna, text="3")
        typing = await stage.raw("sendChatAction", chat_id=anna, action="typing")
        other = await stage.raw("sendMessage", chat_id=bob, text="1")
    assert refused.status_code == 429
    assert 1 <= refused.json()["parameters"]["retry_after"] <= 2
    assert refused.headers["retry-after"] == str(refused.json()["parameters"]["retry_after"])
    assert typing.status_code == other.status_code == 200
