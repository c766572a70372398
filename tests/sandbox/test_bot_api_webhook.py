"""Delivery to the webhook: secret, order, retries, replies, what waits and what is dropped."""

import asyncio
import itertools
import json
from urllib.parse import urlencode

import pytest
from starlette.responses import Response

from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.rehearsal import Stage, rehearsal
from sandbox.bot_api.webhook_recorder import Received
from sandbox.bot_api.wire import Wire

QUICK = SandboxOptions(retry_scale=0.02)


async def pending(stage: Stage) -> int:
    return int((await stage.call("getWebhookInfo"))["pending_update_count"])


async def settled(stage: Stage, count: int) -> list[Wire]:
    """The updates, once none of them is pending any more."""
    outbox = stage.running.sandbox.bot().outbox
    history = outbox.history
    await stage.running.sandbox.events.wait_for(
        lambda: True if len(history) >= count and not outbox.pending else None, 10
    )
    updates: list[Wire] = await stage.control("GET", "updates")
    return updates


async def test_updates_come_with_the_secret_and_rising_numbers() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook(secret_token="s3cret_-")
        user = await stage.user(language_code="ru")
        for text in ("one", "/two"):
            await stage.says(user, text)
        first, second = await stage.webhook.wait_for(2)
        [one, _] = await settled(stage, 2)
    assert first.headers["x-telegram-bot-api-secret-token"] == "s3cret_-"
    assert first.headers["content-type"] == "application/json"
    assert second.update_id == first.update_id + 1
    assert first.update["message"]["from"]["language_code"] == "ru"
    assert second.update["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 4}]
    assert (one["state"], one["attempts"][0]["status"]) == ("delivered", 200)
    assert first.client_port == second.client_port, "the connection should have been kept alive"


async def test_a_chat_is_served_in_order_while_another_goes_on() -> None:
    async with rehearsal() as stage:
        gate = asyncio.Event()
        anna, bob = await stage.user("Anna"), await stage.user("Bob")

        async def hold_anna(update: Wire) -> Response:
            if update.get("message", {}).get("text") == "first":
                await gate.wait()
            return Response()

        stage.webhook.answer = hold_anna
        await stage.set_webhook()
        await stage.says(anna, "first")
        await stage.webhook.wait_for(1)
        await stage.says(anna, "second")
        for text in ("b1", "b2", "b3"):
            await stage.says(bob, text)
        before = await stage.webhook.wait_for(4)
        gate.set()
        after = await stage.webhook.wait_for(5)
    assert [received.text for received in before] == ["first", "b1", "b2", "b3"]
    assert after[-1].text == "second"


async def test_a_press_does_not_wait_for_the_users_messages() -> None:
    async with rehearsal() as stage:
        gate = asyncio.Event()
        user = await stage.user()
        markup = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
        sent = await stage.call("sendMessage", chat_id=user, text="x", reply_markup=markup)

        async def hold_messages(update: Wire) -> Response:
            if "message" in update:
                await gate.wait()
            return Response()

        stage.webhook.answer = hold_messages
        await stage.set_webhook()
        await stage.says(user, "slow")
        await stage.control("POST", f"users/{user}/callbacks", message_id=sent["message_id"], data="go")
        kinds = [set(received.update) - {"update_id"} for received in await stage.webhook.wait_for(2)]
        gate.set()
        await settled(stage, 2)
    assert kinds == [{"message"}, {"callback_query"}]


async def test_no_more_connections_than_asked_for() -> None:
    async with rehearsal() as stage:
        gate, working, most = asyncio.Event(), 0, 0

        async def count(update: Wire) -> Response:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await gate.wait()
            working -= 1
            return Response()

        stage.webhook.answer = count
        await stage.set_webhook(max_connections=2)
        for number in range(4):
            await stage.says(await stage.user(f"U{number}"), "hi")
        await stage.webhook.wait_for(2)
        gate.set()
        await stage.webhook.wait_for(4)
        await settled(stage, 4)
    assert most == 2


async def test_the_first_retry_is_immediate_and_the_next_are_not() -> None:
    # at this scale a second retry would come after two thousand seconds
    async with rehearsal(SandboxOptions(retry_scale=1000)) as stage:

        async def fail(update: Wire) -> Response:
            return Response(status_code=500)

        stage.webhook.answer = fail
        await stage.set_webhook()
        await stage.says(await stage.user(), "x")
        first, second = await stage.webhook.wait_for(2)
        await stage.running.sandbox.events.wait_for(lambda: None, 0.1)
        info = await stage.call("getWebhookInfo")
        assert len(stage.webhook.received) == 2
    assert first.update == second.update
    assert info["pending_update_count"] == 1
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"
    assert info["last_error_date"] >= int(first.at)


async def test_waits_double_until_the_update_is_taken() -> None:
    async with rehearsal(QUICK) as stage:
        answers = iter([500, 302, None, 404, 204])

        async def relent(update: Wire) -> Response | None:
            status = next(answers)
            return Response(status_code=status) if status else None

        stage.webhook.answer = relent
        await stage.set_webhook()
        await stage.says(await stage.user(), "x")
        received = await stage.webhook.wait_for(5)
        [update] = await settled(stage, 1)
    gaps = [after.at - before.at for before, after in itertools.pairwise(received)]
    assert [gap > 0.02 * wait - 0.002 for gap, wait in zip(gaps, [0, 2, 4, 8], strict=True)] == [True] * 4
    assert {one.update_id for one in received} == {update["update_id"]}
    assert [attempt.get("error") for attempt in update["attempts"]] == [
        "Wrong response from the webhook: 500 Internal Server Error",
        "Wrong response from the webhook: 302 Found",
        "Webhook connection closed",
        "Wrong response from the webhook: 404 Not Found",
        None,
    ]


async def test_retry_after_goes_before_the_own_schedule() -> None:
    async with rehearsal(QUICK) as stage:
        asks = {"Retry-After": "15"}
        answers = iter([Response(status_code=503, headers=asks), Response(status_code=429, headers=asks), Response()])

        async def later(update: Wire) -> Response:
            return next(answers)

        stage.webhook.answer = later
        await stage.set_webhook()
        await stage.says(await stage.user(), "x")
        first, second, third = await stage.webhook.wait_for(3)
    assert second.at - first.at > 15 * 0.02 - 0.002
    assert third.at - second.at > 15 * 0.02 - 0.002


async def test_a_webhook_that_is_down_is_tried_until_it_is_up() -> None:
    async with rehearsal(QUICK) as stage:
        await stage.call("setWebhook", url="http://127.0.0.1:9/nobody")
        user = await stage.user()
        await stage.says(user, "x")
        events = stage.running.sandbox.events
        await events.wait_for(lambda: stage.running.sandbox.bot().outbox.history[0].attempts[2:] or None, 5)
        assert (await stage.call("getWebhookInfo"))["last_error_message"] == "Connection refused"
        await stage.set_webhook()
        [received] = await stage.webhook.wait_for(1)
    assert received.text == "x"


async def test_updates_expire() -> None:
    async with rehearsal(SandboxOptions(retry_scale=0.02, message_lifetime=0.1)) as stage:

        async def fail(update: Wire) -> Response:
            return Response(status_code=500)

        stage.webhook.answer = fail
        await stage.set_webhook()
        await stage.says(await stage.user(), "x")
        [update] = await settled(stage, 1)
        assert await pending(stage) == 0
    assert update["state"] == "expired"
    assert len(update["attempts"]) >= 2


async def test_only_allowed_kinds_are_sent_and_the_choice_stays() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook(allowed_updates=["my_chat_member"])
        user = await stage.user()
        await stage.says(user, "unheard")
        await stage.control("POST", f"users/{user}/block")
        [received] = await stage.webhook.wait_for(1)
        await stage.set_webhook(max_connections=7)
        info = await stage.call("getWebhookInfo")
    member = received.update["my_chat_member"]
    assert (member["old_chat_member"]["status"], member["new_chat_member"]["status"]) == ("member", "kicked")
    assert info["allowed_updates"] == ["my_chat_member"]
    assert info["max_connections"] == 7


async def test_what_waits_is_delivered_once_a_webhook_is_set_or_dropped() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        await stage.says(user, "early")
        assert await pending(stage) == 1
        await stage.set_webhook()
        [received] = await stage.webhook.wait_for(1)
        assert received.text == "early"
        await stage.call("deleteWebhook")
        await stage.says(user, "dropped")
        await stage.set_webhook(drop_pending_updates=True)
        await stage.says(user, "late")
        assert (await stage.webhook.wait_for(2))[1].text == "late"


@pytest.mark.parametrize("encoding", ["json", "form"])
async def test_a_method_in_the_answer_is_carried_out(encoding: str) -> None:
    async with rehearsal() as stage:
        user = await stage.user()

        async def reply(update: Wire) -> Response:
            call = {"method": "sendMessage", "chat_id": user, "text": "from the answer"}
            if encoding == "json":
                return Response(json.dumps(call), media_type="application/json")
            return Response(urlencode(call), media_type="application/x-www-form-urlencoded")

        stage.webhook.answer = reply
        await stage.set_webhook()
        await stage.says(user, "hi")
        [message] = await stage.control("GET", f"users/{user}/messages?from_bot=true&wait=5")
        [call] = await stage.control("GET", "calls?method=sendMessage&wait=5")
    assert message["text"] == "from the answer"
    assert (call["via"], call["status"]) == ("webhook_reply", 200)
    assert "method" not in call["params"]


async def test_forbidden_and_wrong_methods_in_the_answer_change_nothing() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        answers = iter([{"method": "deleteWebhook"}, {"method": "getMe"}, {"method": "sendMessage", "chat_id": 1}])

        async def reply(update: Wire) -> Response:
            return Response(json.dumps(next(answers)), media_type="application/json")

        stage.webhook.answer = reply
        await stage.set_webhook()
        for text in ("a", "b", "c"):
            await stage.says(user, text)
        updates = await settled(stage, 3)
        [refused] = await stage.control("GET", "calls?method=sendMessage&wait=5")
        assert (await stage.call("getWebhookInfo"))["url"] == stage.webhook.url
        assert await stage.control("GET", "calls?method=getMe") == []
    assert [update["state"] for update in updates] == ["delivered"] * 3
    assert (refused["status"], refused["ok"]) == (400, False)


async def test_the_same_update_can_be_delivered_twice_at_once() -> None:
    async with rehearsal() as stage:
        both = asyncio.Barrier(2)

        async def together(update: Wire) -> Response:
            await both.wait()
            return Response()

        stage.webhook.answer = together
        await stage.set_webhook()
        await stage.control("POST", "faults", kind="deliver_twice", method="message")
        await stage.says(await stage.user(), "x")
        twins = await stage.webhook.wait_for(2)
        [update] = await settled(stage, 1)
    assert [twin.update_id for twin in twins] == [update["update_id"]] * 2
    assert len(update["attempts"]) == 2


async def test_a_delivered_update_can_be_sent_again() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        await stage.says(await stage.user(), "x")
        [first] = await stage.webhook.wait_for(1)
        await settled(stage, 1)
        attempts = await stage.control("POST", f"updates/{first.update_id}/redeliver", times=3)
        received: list[Received] = await stage.webhook.wait_for(4)
    assert [attempt["status"] for attempt in attempts] == [200] * 3
    assert [one.update for one in received] == [first.update] * 4


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"url": "ftp://e.org"}, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "https://"}, "Bad Request: invalid webhook URL specified"),
        (
            {"url": "https://e.org", "secret_token": "no spaces"},
            "Bad Request: secret token contains unallowed characters",
        ),
        ({"url": "https://e.org", "secret_token": "s" * 257}, "Bad Request: secret token is too long"),
    ],
)
async def test_a_bad_webhook_is_refused(params: dict[str, str], description: str) -> None:
    async with rehearsal() as stage:
        assert await stage.refusal("setWebhook", **params) == (400, description)
        assert (await stage.call("getWebhookInfo"))["url"] == ""


async def test_webhook_results_carry_a_description() -> None:
    async with rehearsal() as stage:
        answers = [
            (await stage.raw(method, **params)).json()["description"]
            for method, params in (
                ("setWebhook", {"url": stage.webhook.url}),
                ("setWebhook", {"url": stage.webhook.url}),
                ("setWebhook", {"url": ""}),
                ("deleteWebhook", {}),
            )
        ]
    assert answers == [
        "Webhook was set",
        "Webhook is already set",
        "Webhook was deleted",
        "Webhook is already deleted",
    ]
