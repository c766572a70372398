"""Sending, editing and deleting: results, limits and Telegram's own refusals."""

import pytest

from sandbox.bot_api.rehearsal import TOKEN, rehearsal

NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)


def button(text: str, data: str) -> dict[str, object]:
    return {"inline_keyboard": [[{"text": text, "callback_data": data}]]}


async def test_a_message_is_returned_and_seen_by_the_user() -> None:
    async with rehearsal() as stage:
        user = await stage.user(username="anna", language_code="ru")
        sent = await stage.call("sendMessage", chat_id=user, text="  hello  ", reply_markup=button("Go", "go"))
        [seen] = await stage.bot_messages(user)
    assert sent["text"] == seen["text"] == "hello"
    assert sent["chat"] == {"id": user, "type": "private", "first_name": "Anna", "username": "anna"}
    assert sent["from"]["id"] == 1000
    assert sent["from"]["is_bot"] is True
    assert sent["reply_markup"] == button("Go", "go")
    assert seen["from_bot"] is True
    assert isinstance(seen["received_at"], float)
    assert sent["date"] == int(seen["received_at"])


@pytest.mark.parametrize("encoding", ["query", "urlencoded", "json", "multipart"])
async def test_every_encoding_of_parameters_is_understood(encoding: str) -> None:
    async with rehearsal() as stage:
        user = str(await stage.user())
        markup = '{"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}'
        params = {"chat_id": user, "text": "hi", "reply_markup": markup}
        path = f"/bot{TOKEN}/SENDmessage"
        match encoding:
            case "query":
                response = await stage.http.get(path, params=params)
            case "urlencoded":
                response = await stage.http.post(path, data=params)
            case "json":
                response = await stage.http.post(path, json=params)
            case _:
                parts = {name: (None, value) for name, value in params.items()}
                response = await stage.http.post(path, files=parts)
        assert response.json()["result"]["reply_markup"] == button("Go", "go")


@pytest.mark.parametrize(
    ("params", "status", "description"),
    [
        ({"text": "   "}, 400, "Bad Request: message text is empty"),
        ({"text": "x" * 4097}, 400, "Bad Request: message is too long"),
        ({"text": "x", "chat_id": ""}, 400, "Bad Request: chat_id is empty"),
        ({"text": "x", "chat_id": 5}, 400, "Bad Request: chat not found"),
        ({"text": "x", "chat_id": "@nobody"}, 400, "Bad Request: chat not found"),
        ({"text": "x", "reply_markup": button("a", "d" * 65)}, 400, "Bad Request: BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": button("a", "я" * 33)}, 400, "Bad Request: BUTTON_DATA_INVALID"),
        ({"text": "x", "reply_markup": "{no json"}, 400, "Bad Request: can't parse reply markup JSON object"),
        ({"text": "x", "reply_markup": "[]"}, 400, "Bad Request: object expected as reply markup"),
        ({"text": "x", "reply_parameters": {"message_id": 99}}, 400, "Bad Request: message to be replied not found"),
        ({"text": "x", "parse_mode": "Word"}, 400, "Bad Request: unsupported parse_mode"),
    ],
)
async def test_a_bad_message_is_refused_in_telegrams_words(
    params: dict[str, object], status: int, description: str
) -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        assert await stage.refusal("sendMessage", **{"chat_id": user, **params}) == (status, description)
        assert await stage.bot_messages(user) == []


async def test_limits_count_characters_after_parsing() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        longest = "<b>" + "я" * 4096 + "</b>"
        sent = await stage.call("sendMessage", chat_id=user, text=longest, parse_mode="HTML")
        assert len(sent["text"]) == 4096
        fits = button("a", "d" * 64)
        assert (await stage.call("sendMessage", chat_id=user, text="x", reply_markup=fits))["reply_markup"] == fits


async def test_unknown_tokens_and_methods() -> None:
    async with rehearsal() as stage:
        unknown = await stage.http.get("/bot1000:other/getMe")
        malformed = await stage.http.get("/botnonsense/getMe")
        method = await stage.refusal("sendNothing")
        me = await stage.call("getMe")
    assert unknown.status_code == 401
    assert unknown.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert malformed.status_code == 404
    assert method == (404, "Not Found: method not found")
    assert (me["id"], me["is_bot"], me["username"]) == (1000, True, "sandbox_bot")


async def test_edits_change_the_message_in_place() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        sent = await stage.call("sendMessage", chat_id=user, text="one", reply_markup=button("a", "1"))
        where = {"chat_id": user, "message_id": sent["message_id"]}
        same = await stage.refusal("editMessageText", **where, text="one", reply_markup=button("a", "1"))
        edited = await stage.call("editMessageText", **where, text="two")
        keyboard = await stage.call("editMessageReplyMarkup", **where, reply_markup=button("b", "2"))
        unchanged = await stage.refusal("editMessageReplyMarkup", **where, reply_markup=button("b", "2"))
        [seen] = await stage.bot_messages(user)
    assert same == unchanged == (400, NOT_MODIFIED)
    assert edited["text"] == "two"
    assert "reply_markup" not in edited
    assert edited["edit_date"] >= sent["date"]
    assert keyboard["reply_markup"] == button("b", "2")
    assert (seen["text"], seen["message_id"]) == ("two", sent["message_id"])
    assert [old["text"] for old in seen["revisions"]] == ["one", "two"]


async def test_edits_of_the_wrong_message_are_refused() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        own = await stage.says(user, "mine")
        sent = await stage.call("sendMessage", chat_id=user, text="yours")
        theirs = {"chat_id": user, "message_id": own["message_id"], "text": "x"}
        assert await stage.refusal("editMessageText", **theirs) == (400, "Bad Request: message can't be edited")
        missing = {"chat_id": user, "message_id": 999, "text": "x"}
        assert await stage.refusal("editMessageText", **missing) == (400, "Bad Request: message to edit not found")
        where = {"chat_id": user, "message_id": sent["message_id"]}
        no_caption = (400, "Bad Request: there is no caption in the message to edit")
        assert await stage.refusal("editMessageCaption", **where, caption="x") == no_caption
        too_long = (400, "Bad Request: MESSAGE_TOO_LONG")
        assert await stage.refusal("editMessageText", **where, text="x" * 4097) == too_long


async def test_deleted_messages_are_gone_for_the_bot() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        sent = await stage.call("sendMessage", chat_id=user, text="x")
        where = {"chat_id": user, "message_id": sent["message_id"]}
        assert await stage.call("deleteMessage", **where) is True
        assert await stage.refusal("deleteMessage", **where) == (400, "Bad Request: message to delete not found")
        assert await stage.refusal("editMessageText", **where, text="y") == (
            400,
            "Bad Request: message to edit not found",
        )
        [seen] = await stage.bot_messages(user)
    assert seen["deleted_at"] >= seen["received_at"]


async def test_a_user_who_never_wrote_or_has_blocked_is_not_reached() -> None:
    async with rehearsal() as stage:
        stranger = await stage.user("Bob", started=False)
        assert await stage.refusal("sendMessage", chat_id=stranger, text="x") == (400, "Bad Request: chat not found")
        await stage.says(stranger, "/start")
        await stage.call("sendMessage", chat_id=stranger, text="hello")
        await stage.control("POST", f"users/{stranger}/block")
        blocked = (403, "Forbidden: bot was blocked by the user")
        assert await stage.refusal("sendMessage", chat_id=stranger, text="x") == blocked
        assert await stage.refusal("sendChatAction", chat_id=stranger, action="typing") == blocked
        await stage.control("POST", f"users/{stranger}/unblock")
        await stage.call("sendMessage", chat_id=stranger, text="again")


async def test_replies_name_the_message_they_answer() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        asked = await stage.says(user, "question")
        reply = {"message_id": asked["message_id"]}
        sent = await stage.call("sendMessage", chat_id=user, text="answer", reply_parameters=reply)
        lenient = {"message_id": 99, "allow_sending_without_reply": True}
        alone = await stage.call("sendMessage", chat_id=user, text="answer", reply_parameters=lenient)
    assert sent["reply_to_message"]["text"] == "question"
    assert "reply_to_message" not in alone


async def test_reply_keyboards_belong_to_the_chat() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        keyboard = {"keyboard": [["Fox", {"text": "Wolf"}]], "one_time_keyboard": True}
        sent = await stage.call("sendMessage", chat_id=user, text="choose", reply_markup=keyboard)
        chat = await stage.control("GET", f"users/{user}/chat")
        await stage.says(user, "Fox")
        after = await stage.control("GET", f"users/{user}/chat")
    assert "reply_markup" not in sent
    assert chat["reply_keyboard"]["keyboard"] == [[{"text": "Fox"}, {"text": "Wolf"}]]
    assert after["reply_keyboard"] is None
