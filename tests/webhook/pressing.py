"""A person presses a button below a message of the bot's."""

from typing import Any

from tests.factories import USER, Door, Json, message, sender


async def press(door: Door, data: str, *, user: int = USER, language: str = "en", of: int = 5) -> Json:
    """What Telegram is answered; it always is. `of`: the number of the message."""
    below: Json = {**message(sender(user, language), text="x"), "message_id": of}
    query: dict[str, Any] = {"id": "4711", "from": sender(user, language), "chat_instance": "1", "data": data}
    answer = await door.post(door.update("callback_query", {**query, "message": below}))
    assert answer.status_code == 200
    given: Json = answer.json()
    assert (given["method"], given["callback_query_id"]) == ("answerCallbackQuery", "4711")
    return given


def buttons(payload: Json) -> list[str]:
    """What the buttons of a message say when they are pressed."""
    rows = payload.get("reply_markup", {}).get("inline_keyboard", [])
    return [each["callback_data"] for row in rows for each in row]
