"""What is known after one call: it arrived, it certainly did not, or nobody can say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from jobs.delivery import telegram as channel
from jobs.delivery.telegram import Answer, NotSent, Sent, Telegram, Unknown, Upload
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.server import running_sandbox
from sandbox.serve import serving
from tests.factories import TOKEN
from tests.jobs.delivery.scripted_telegram import SENT, ScriptedTelegram, refusal

FIELDS = {"chat_id": 7, "text": "Hi"}


@asynccontextmanager
async def speaking(url: str) -> AsyncIterator[Telegram]:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        yield Telegram(client, token=TOKEN, api_base=url)


async def answer_to(response: Response, **fields: Any) -> Answer:
    script = ScriptedTelegram(otherwise=response)
    async with serving(script.app) as url, speaking(url) as telegram:
        return await telegram.send("sendMessage", {**FIELDS, **fields})


async def test_it_arrived() -> None:
    assert await answer_to(JSONResponse(SENT)) == Sent(99)
    assert await answer_to(JSONResponse({"ok": True, "result": True})) == Sent(None)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (refusal(429, "Too Many Requests: retry after 17", retry_after=17), {"retry_in": 17.0}),
        (refusal(429, "Too Many Requests"), {"retry_in": 5.0}),
        (refusal(403, "Forbidden: bot was blocked by the user"), {"retry_in": None, "recipient_gone": True}),
        (refusal(403, "Forbidden: user is deactivated"), {"retry_in": None, "recipient_gone": True}),
        (refusal(403, "Forbidden: bot can't initiate conversation"), {"retry_in": None, "recipient_gone": True}),
        (refusal(400, "Bad Request: chat not found"), {"retry_in": None, "recipient_gone": True}),
        (refusal(400, "Bad Request: message text is empty"), {"retry_in": None, "recipient_gone": False}),
        (refusal(400, "Bad Request: message is too long"), {"retry_in": None}),
        (refusal(413, "Request Entity Too Large"), {"retry_in": None}),
        (refusal(500, "Internal Server Error"), {"retry_in": 5}),
        (refusal(502, "Bad Gateway"), {"retry_in": 5}),
        (refusal(401, "Unauthorized"), {"retry_in": 30, "misconfigured": True, "recipient_gone": False}),
        (refusal(404, "Not Found"), {"retry_in": 30, "misconfigured": True}),
        (refusal(409, "Conflict"), {"retry_in": 30, "misconfigured": True}),
        (
            refusal(400, "Bad Request: wrong file identifier/HTTP URL specified"),
            {"retry_in": 0, "stale_file_id": True},
        ),
        (
            refusal(400, "Bad Request: wrong remote file identifier specified: can't unserialize it"),
            {"retry_in": 0, "stale_file_id": True},
        ),
    ],
    ids=lambda value: bytes(value.body).decode()[40:80] if isinstance(value, Response) else "",
)
async def test_it_certainly_did_not_arrive(response: Response, expected: dict[str, object]) -> None:
    answer = await answer_to(response)
    assert isinstance(answer, NotSent)
    assert {name: getattr(answer, name) for name in expected} == expected
    assert TOKEN.partition(":")[2] not in answer.reason


async def test_an_edit_that_changes_nothing_has_arrived() -> None:
    description = "Bad Request: message is not modified: specified new message content is the same"
    assert await answer_to(refusal(400, description)) == Sent(None)


@pytest.mark.parametrize(
    "response",
    [
        HTMLResponse("<h1>502 Bad Gateway</h1>", 502),
        HTMLResponse("<h1>504 Gateway Time-out</h1>", 504),
        PlainTextResponse("", 200),
        PlainTextResponse("ok", 200),
        JSONResponse([], 200),
        JSONResponse({}, 200),
        JSONResponse("ok", 200),
        JSONResponse(None, 500),
    ],
    ids=lambda response: f"{response.status_code} {bytes(response.body[:12]).decode()}",
)
async def test_what_is_not_telegrams_answer_tells_nothing(response: Response) -> None:
    assert isinstance(await answer_to(response), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        {"ok": True, "result": {"message_id": 5, "photo": []}},
        {"ok": True, "result": None},
        {"ok": True},
        {"ok": False},
        {"ok": False, "description": None, "parameters": None},
    ],
    ids=str,
)
async def test_an_answer_with_holes_is_understood(body: dict[str, Any]) -> None:
    status = 200 if body["ok"] else 429
    answer = await answer_to(JSONResponse(body, status))
    assert isinstance(answer, Sent if body["ok"] else NotSent)


async def test_a_refused_connection_is_worth_another_try() -> None:
    async with speaking("http://127.0.0.1:9") as telegram:
        answer = await telegram.send("sendMessage", FIELDS)
    assert answer == NotSent("Telegram cannot be reached (ConnectError).", retry_in=5, unreachable=True)


@pytest.mark.parametrize("address", ["api.telegram.org", "ftp://127.0.0.1:9", "http://", "http://[::1"])
async def test_an_address_that_is_none_has_sent_nothing(address: str) -> None:
    """TELEGRAM_API_BASE without its http:// is the operator's slip: no message may be given up as `unknown`."""
    async with speaking(address) as telegram:
        answer = await telegram.send("sendMessage", FIELDS)
    assert isinstance(answer, NotSent)
    assert answer.misconfigured


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER])
async def test_a_connection_that_ends_without_an_answer_tells_nothing(kind: FaultKind) -> None:
    async with running_sandbox(TOKEN) as running, speaking(running.url) as telegram:
        running.sandbox.add_user("Anna", user_id=7)
        running.sandbox.faults.order(FaultOrder(kind=kind))
        assert isinstance(await telegram.send("sendMessage", FIELDS), Unknown)


async def test_an_answer_that_does_not_come_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "TIMEOUT", httpx.Timeout(0.2, connect=5))
    async with running_sandbox(TOKEN) as running, speaking(running.url) as telegram:
        running.sandbox.add_user("Anna", user_id=7)
        running.sandbox.faults.order(FaultOrder(kind=FaultKind.DELAY, seconds=0.6))
        assert isinstance(await telegram.send("sendMessage", FIELDS), Unknown)


async def test_a_picture_goes_as_multipart_and_brings_its_file_id() -> None:
    photo = [{"file_id": "small"}, {"file_id": "large"}]
    script = ScriptedTelegram(otherwise=JSONResponse({"ok": True, "result": {"message_id": 5, "photo": photo}}))
    async with serving(script.app) as url, speaking(f"{url}/") as telegram:
        fields = {"chat_id": 7, "caption": "Лиса", "reply_markup": {"inline_keyboard": []}}
        answer = await telegram.send("sendPhoto", fields, upload=Upload("photo", b"\x89PNG..."))
    assert answer == Sent(5, "large")
    [call] = script.calls
    assert call.fields == {"chat_id": "7", "caption": "Лиса", "reply_markup": '{"inline_keyboard": []}'}
    assert call.files == {"photo": b"\x89PNG..."}


async def test_a_chat_action_never_fails() -> None:
    async with speaking("http://127.0.0.1:9") as telegram:
        await telegram.chat_action(7, "typing")
    script = ScriptedTelegram(otherwise=refusal(403, "Forbidden"))
    async with serving(script.app) as url, speaking(url) as telegram:
        await telegram.chat_action(7, "typing")
        await asyncio.sleep(0)
    assert script.calls[0].fields == {"chat_id": 7, "action": "typing"}
