"""No parameters, however wrong, make the server fail: it refuses in JSON and goes on."""

import json
import random
from typing import Any

from sandbox.bot_api.methods.table import NAMED
from sandbox.bot_api.rehearsal import TOKEN, rehearsal

NAMES = [
    "chat_id",
    "user_id",
    "message_id",
    "message_ids",
    "text",
    "parse_mode",
    "entities",
    "caption",
    "caption_entities",
    "photo",
    "document",
    "media",
    "reply_markup",
    "reply_parameters",
    "link_preview_options",
    "url",
    "secret_token",
    "max_connections",
    "allowed_updates",
    "offset",
    "limit",
    "action",
    "draft_id",
    "commands",
    "scope",
    "language_code",
    "description",
    "short_description",
    "name",
    "prices",
    "currency",
    "title",
    "payload",
    "callback_query_id",
    "file_id",
]
ODD: list[Any] = [
    None,
    "",
    "x",
    0,
    -1,
    2**70,
    1.5,
    True,
    [],
    {},
    [[]],
    [{}],
    [None],
    ["x"],
    {"type": "photo", "media": 5, "caption_entities": 7},
    [{"type": "photo"}, {"type": "bold", "offset": -5, "length": 99}],
    {"inline_keyboard": [[{"text": "a", "callback_data": 5}], []]},
    {"inline_keyboard": [[None]]},
    {"keyboard": [[{"text": 1}]]},
    {"message_id": "x"},
    "HTML",
    "MarkdownV2",
    "<b>*_[`\ud83d",
    "[{]",
    "XTR",
    "\x00",
]


def wild_call(dice: random.Random, known: list[int]) -> tuple[str, dict[str, Any]]:
    params = {name: dice.choice(ODD) for name in dice.sample(NAMES, 12)}
    names = ("chat_id", "message_id")
    params |= {name: number for name, number in zip(names, known, strict=True) if dice.random() < 0.8}
    return dice.choice([name for name in NAMED if name != "setWebhook"]), params


async def test_wild_parameters_are_refused_in_json() -> None:
    dice = random.Random(7)
    async with rehearsal() as stage:
        user = await stage.user()
        message = (await stage.call("sendMessage", chat_id=user, text="x"))["message_id"]
        for _ in range(400):
            method, params = wild_call(dice, [user, message])
            content = json.dumps(params)
            headers = {"Content-Type": "application/json"}
            response = await stage.http.post(f"/bot{TOKEN}/{method}", content=content, headers=headers)
            answer = response.json()
            assert answer["ok"] is (response.status_code == 200), (method, params)
            assert answer["ok"] or answer["error_code"] == response.status_code < 500, (method, params)
        await stage.control("GET", f"users/{user}/chat")
        assert (await stage.call("getMe"))["id"] == 1000


async def test_bodies_that_are_no_parameters_are_refused() -> None:
    async with rehearsal() as stage:
        bodies = [
            ("application/json", b"{"),
            ("application/json", b"[]"),
            ("application/json", b"\xff"),
            ("multipart/form-data", b"no boundary"),
            ("multipart/form-data; boundary=x", b"--x\r\nbroken"),
        ]
        for kind, body in bodies:
            response = await stage.http.post(f"/bot{TOKEN}/sendMessage", content=body, headers={"Content-Type": kind})
            assert response.status_code == 400, (kind, body)
            assert response.json()["ok"] is False
        nothing = await stage.http.post(f"/bot{TOKEN}/getMe", content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert nothing.json()["ok"] is True
