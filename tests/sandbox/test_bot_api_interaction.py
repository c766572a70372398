"""What users do beside writing: press, stop, pay, block, edit; and what bots set for them to see."""

import asyncio
import json

import pytest

from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.rehearsal import Stage, rehearsal
from sandbox.bot_api.wire import Wire

TOO_OLD = (400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
GO = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


async def press(stage: Stage, user: int, wait: float = 0) -> Wire:
    sent = await stage.call("sendMessage", chat_id=user, text="x", reply_markup=GO)
    path = f"users/{user}/callbacks?wait={wait}"
    query: Wire = await stage.control("POST", path, message_id=sent["message_id"], data="go")
    return query


async def test_a_press_is_answered_once() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        user = await stage.user()
        pressing = asyncio.create_task(press(stage, user, wait=10))
        [received] = await stage.webhook.wait_for(1)
        query = received.update["callback_query"]
        await stage.call("answerCallbackQuery", callback_query_id=query["id"], text="done", show_alert=True)
        seen = await pressing
        twice = await stage.refusal("answerCallbackQuery", callback_query_id=query["id"])
    assert (query["data"], query["from"]["id"]) == ("go", user)
    assert query["message"]["reply_markup"] == GO
    assert query["chat_instance"]
    assert seen["answer"] == {"text": "done", "show_alert": True}
    assert twice == TOO_OLD


async def test_late_unknown_and_long_answers_are_refused() -> None:
    async with rehearsal(SandboxOptions(callback_answer_seconds=0.05)) as stage:
        query = await press(stage, await stage.user())
        long = await stage.refusal("answerCallbackQuery", callback_query_id="1", text="x" * 201)
        await asyncio.sleep(0.06)
        late = await stage.refusal("answerCallbackQuery", callback_query_id=query["callback_query_id"])
        unknown = await stage.refusal("answerCallbackQuery", callback_query_id="1")
    assert late == unknown == TOO_OLD
    assert long == (400, "Bad Request: MESSAGE_TOO_LONG")


async def test_a_button_that_is_gone_cannot_be_pressed() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        sent = await stage.call("sendMessage", chat_id=user, text="x")
        body = {"message_id": sent["message_id"], "data": "go"}
        response = await stage.http.post(f"/sandbox/users/{user}/callbacks", json=body)
    assert response.status_code == 409
    assert "no button" in response.json()["detail"]


@pytest.mark.parametrize("keep", [False, True])
async def test_a_draft_is_shown_and_can_be_stopped(keep: bool) -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        user = await stage.user()
        draft = {"chat_id": user, "draft_id": 5, "can_stop": True, "keep_on_stop": keep}
        assert await stage.call("sendMessageDraft", **draft) is True
        thinking = (await stage.control("GET", f"users/{user}/chat"))["draft"]
        await stage.call("sendMessageDraft", **draft, text="Once <b>upon</b>", parse_mode="HTML")
        shown = (await stage.control("GET", f"users/{user}/chat"))["draft"]
        await stage.control("POST", f"users/{user}/drafts/5/stop")
        [received] = await stage.webhook.wait_for(1)
        await stage.call("sendMessageDraft", **draft, text="Once upon a time")
        after = (await stage.control("GET", f"users/{user}/chat"))["draft"]
        again = await stage.http.post(f"/sandbox/users/{user}/drafts/5/stop")
        await stage.call("sendMessage", chat_id=user, text="Once upon")
        final = (await stage.control("GET", f"users/{user}/chat"))["draft"]
    assert "text" not in thinking
    assert (shown["text"], shown["can_stop"]) == ("Once upon", True)
    assert received.update["stopped_message_generation"]["draft_id"] == 5
    assert received.update["stopped_message_generation"]["chat"]["id"] == user
    assert (after["text"] if after else None) == ("Once upon" if keep else None)
    assert again.status_code == 409
    assert final is None


async def test_drafts_fade_and_bad_ones_are_refused() -> None:
    async with rehearsal(SandboxOptions(draft_seconds=0.05, action_seconds=0.05)) as stage:
        user = await stage.user()
        await stage.call("sendMessageDraft", chat_id=user, draft_id=1, text="x")
        await stage.call("sendChatAction", chat_id=user, action="typing")
        await asyncio.sleep(0.06)
        chat = await stage.control("GET", f"users/{user}/chat")
        assert (await stage.refusal("sendMessageDraft", chat_id=user, draft_id=0, text="x"))[0] == 400
        assert (await stage.refusal("sendMessageDraft", chat_id=user, draft_id=1, text="x" * 4097))[0] == 400
        wrong = await stage.refusal("sendChatAction", chat_id=user, action="dancing")
    assert (chat["draft"], chat["action"]) == (None, None)
    assert wrong == (400, "Bad Request: wrong parameter action in request")


async def test_an_action_lasts_until_the_next_message() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        await stage.call("sendChatAction", chat_id=user, action="upload_photo")
        shown = (await stage.control("GET", f"users/{user}/chat"))["action"]
        await stage.call("sendMessage", chat_id=user, text="x")
        after = (await stage.control("GET", f"users/{user}/chat"))["action"]
    assert shown["action"] == "upload_photo"
    assert 0 < shown["expires_in"] <= 5
    assert after is None


async def test_an_edited_message_is_an_update_in_the_same_queue() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        user = await stage.user()
        sent = await stage.says(user, "frist")
        await stage.control("PATCH", f"users/{user}/messages/{sent['message_id']}", text="first")
        _, edit = await stage.webhook.wait_for(2)
    assert edit.update["edited_message"]["text"] == "first"
    assert edit.update["edited_message"]["message_id"] == sent["message_id"]
    assert edit.update["edited_message"]["edit_date"]


async def test_a_long_text_is_cut_as_telegrams_apps_do() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        await stage.says(await stage.user(), "x" * 4097)
        received = await stage.webhook.wait_for(2)
    assert [len(one.text or "") for one in received] == [4096, 1]


async def send_invoice(stage: Stage, user: int) -> int:
    price = [{"label": "100 diamonds", "amount": 50}]
    words = {"title": "Diamonds", "description": "A hundred", "payload": "order-1"}
    sent = await stage.call("sendInvoice", chat_id=user, currency="XTR", prices=price, **words)
    assert sent["invoice"]["total_amount"] == 50
    assert sent["reply_markup"]["inline_keyboard"][0][0]["pay"] is True
    return int(sent["message_id"])


async def test_stars_are_paid_and_refunded_once() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        user = await stage.user()
        message = await send_invoice(stage, user)
        paying = asyncio.create_task(stage.control("POST", f"users/{user}/payments?wait=10", message_id=message))
        [asked] = await stage.webhook.wait_for(1)
        query = asked.update["pre_checkout_query"]
        await stage.call("answerPreCheckoutQuery", pre_checkout_query_id=query["id"], ok=True)
        result = await paying
        paid = (await stage.webhook.wait_for(2))[1].update["message"]["successful_payment"]
        charge = {"user_id": user, "telegram_payment_charge_id": paid["telegram_payment_charge_id"]}
        balance = await stage.call("getMyStarBalance")
        assert await stage.call("refundStarPayment", **charge) is True
        refunded = (await stage.webhook.wait_for(3))[2].update["message"]["refunded_payment"]
        twice = await stage.refusal("refundStarPayment", **charge)
        transactions = (await stage.call("getStarTransactions"))["transactions"]
    assert (query["invoice_payload"], query["currency"], query["total_amount"]) == ("order-1", "XTR", 50)
    assert result["status"] == "paid"
    assert (paid["invoice_payload"], paid["total_amount"]) == ("order-1", 50)
    assert balance == {"amount": 50}
    assert refunded["telegram_payment_charge_id"] == charge["telegram_payment_charge_id"]
    assert twice == (400, "Bad Request: CHARGE_ALREADY_REFUNDED")
    assert ["source" in entry for entry in transactions] == [True, False]


async def test_a_payment_can_be_declined_or_time_out() -> None:
    async with rehearsal(SandboxOptions(pre_checkout_seconds=0.2)) as stage:
        await stage.set_webhook()
        user = await stage.user()
        message = await send_invoice(stage, user)
        paying = asyncio.create_task(stage.control("POST", f"users/{user}/payments?wait=10", message_id=message))
        [asked] = await stage.webhook.wait_for(1)
        no = {"pre_checkout_query_id": asked.update["pre_checkout_query"]["id"], "ok": False, "error_message": "sold"}
        await stage.call("answerPreCheckoutQuery", **no)
        declined = await paying
        ignored = await stage.control("POST", f"users/{user}/payments?wait=10", message_id=message)
        late = await stage.refusal(
            "answerPreCheckoutQuery", pre_checkout_query_id=ignored["pre_checkout_query_id"], ok=True
        )
        assert (await stage.call("getStarTransactions"))["transactions"] == []
    assert (declined["status"], declined["error_message"]) == ("declined", "sold")
    assert ignored["status"] == "timed_out"
    assert late == TOO_OLD


@pytest.mark.parametrize(
    ("change", "description"),
    [
        ({"currency": "USD"}, "Bad Request: CURRENCY_INVALID"),
        ({"prices": [{"label": "a", "amount": 1}] * 2}, "Bad Request: STARS_INVOICE_INVALID"),
        ({"payload": "x" * 129}, "Bad Request: INVOICE_PAYLOAD_INVALID"),
        ({"title": ""}, 'Bad Request: parameter "title" is required'),
    ],
)
async def test_a_bad_invoice_is_refused(change: dict[str, object], description: str) -> None:
    async with rehearsal() as stage:
        good = {"title": "t", "description": "d", "payload": "p", "currency": "XTR"}
        invoice = {**good, "prices": [{"label": "a", "amount": 1}], **change}
        assert await stage.refusal("sendInvoice", chat_id=await stage.user(), **invoice) == (400, description)


async def test_commands_and_descriptions_follow_the_users_language() -> None:
    async with rehearsal() as stage:
        anna, bob = await stage.user("Anna", language_code="ru"), await stage.user("Bob", language_code="en")
        await stage.call("setMyCommands", commands=[{"command": "start", "description": "Start"}])
        await stage.call("setMyCommands", commands=[{"command": "/start", "description": "Начать"}], language_code="ru")
        await stage.call("setMyDescription", description="Draws foxes")
        await stage.call("setMyShortDescription", short_description="Рисует лис", language_code="ru")
        russian = await stage.control("GET", f"users/{anna}/chat")
        english = await stage.control("GET", f"users/{bob}/chat")
        kept = await stage.call("getMyCommands", language_code="ru")
        await stage.call("deleteMyCommands", language_code="ru")
        fallback = await stage.control("GET", f"users/{anna}/chat")
        invalid = await stage.refusal("setMyCommands", commands=[{"command": "Ä", "description": "x"}])
    assert russian["commands"] == kept == [{"command": "start", "description": "Начать"}]
    assert english["commands"] == fallback["commands"] == [{"command": "start", "description": "Start"}]
    assert (russian["description"], russian["short_description"]) == ("Draws foxes", "Рисует лис")
    assert english["short_description"] == ""
    assert invalid == (400, "Bad Request: BOT_COMMAND_INVALID")


async def test_the_event_stream_tells_everything_and_resumes() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        other = await stage.user("Other")
        seq = (await stage.control("GET", f"users/{user}/chat"))["seq"]
        await stage.says(other, "elsewhere")
        await stage.says(user, "hi")
        sent = await stage.call("sendMessage", chat_id=user, text="one")
        await stage.call("editMessageText", chat_id=user, message_id=sent["message_id"], text="two")
        events = await read_events(stage, f"after={seq}&user_id={user}", until="message_edited")
        resumed = await read_events(stage, f"user_id={user}", until="call", last_event_id=events[-2]["seq"])
        unknown = await read_events(stage, "after=999999", until="reset")
    kinds = [event["kind"] for event in events]
    assert [kind for kind in kinds if kind.startswith("message")] == ["message", "message", "message_edited"]
    assert all(event["user_id"] in {None, user} for event in events)
    assert events[-1]["data"]["text"] == "two"
    assert resumed[0] == events[-1]
    assert unknown[0]["kind"] == "reset"


async def read_events(stage: Stage, query: str, *, until: str, last_event_id: int | None = None) -> list[Wire]:
    headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
    events: list[Wire] = []
    async with stage.http.stream("GET", f"/sandbox/events?{query}", headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
                if events[-1]["kind"] == until:
                    break
    return events


async def test_control_errors_say_what_to_do() -> None:
    async with rehearsal() as stage:
        nobody = await stage.http.get("/sandbox/users/5/chat")
        user = await stage.user(id=5)
        twin = await stage.http.post("/sandbox/users", json={"first_name": "B", "id": user})
        await stage.control("POST", f"users/{user}/block")
        blocked = await stage.http.post(f"/sandbox/users/{user}/messages", json={"text": "x"})
        bot = await stage.http.get(f"/sandbox/users/{user}/chat?bot_id=77")
    assert (nobody.status_code, nobody.json()["detail"]) == (
        404,
        "There is no user 5. Create one with POST /sandbox/users.",
    )
    assert twin.status_code == blocked.status_code == 409
    assert "Unblock" in blocked.json()["detail"]
    assert bot.status_code == 404
