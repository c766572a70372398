"""Sends one message to a Telegram chat, and says what is known about its arrival.

Telegram has no key against sending twice: what may have arrived is never sent again by itself.
"""

import json
from dataclasses import dataclass
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(60, connect=5)
# no answer, an answer that is not Telegram's, or an address that is none
UNANSWERED = (httpx.HTTPError, httpx.InvalidURL, ValueError)


@dataclass(frozen=True)
class Sent:
    message_id: int | None
    file_id: str | None = None


@dataclass(frozen=True)
class NotSent:
    """Certainly not delivered. `retry_in` seconds is worth another try; None means never."""

    reason: str
    retry_in: float | None = None
    recipient_gone: bool = False
    stale_file_id: bool = False
    # the bot itself is at fault (token, address): every other message would fail as well
    misconfigured: bool = False


@dataclass(frozen=True)
class Unknown:
    """The request went out and no answer came back."""

    reason: str


Answer = Sent | NotSent | Unknown


class Telegram:
    def __init__(self, client: httpx.AsyncClient, *, token: str, api_base: str) -> None:
        self.client = client
        self.root = f"{api_base.rstrip('/')}/bot{token}"

    async def send(self, method: str, fields: dict[str, Any], upload: tuple[str, bytes] | None = None) -> Answer:
        """`upload`: the field that carries a file, and its bytes."""
        try:
            response = await self._post(method, fields, upload)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            return NotSent("TELEGRAM_API_BASE is not an address.", retry_in=30, misconfigured=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return NotSent(f"Telegram cannot be reached ({type(error).__name__}).", retry_in=5)
        except httpx.HTTPError as error:
            return Unknown(f"Telegram gave no answer ({type(error).__name__}).")
        return _understand(response)

    async def chat_action(self, chat_id: int, action: str) -> None:
        """ "typing…" for five seconds. A courtesy: failing is of no consequence."""
        await self.send("sendChatAction", {"chat_id": chat_id, "action": action})

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        """Any other method; the whole answer. Raises one of UNANSWERED if there is none."""
        answer: dict[str, Any] = (await self._post(method, fields, None)).json()
        return answer

    async def _post(self, method: str, fields: dict[str, Any], upload: tuple[str, bytes] | None) -> httpx.Response:
        url = f"{self.root}/{method}"
        if upload is None:
            return await self.client.post(url, json=fields, timeout=TIMEOUT)
        name, data = upload
        form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
        return await self.client.post(url, data=form, files={name: (f"{name}.png", data)}, timeout=TIMEOUT)


def _understand(response: httpx.Response) -> Answer:
    try:
        answer = response.json()
        ok = answer["ok"]
    except (ValueError, LookupError, TypeError):
        # a proxy's page: it may stand before or behind Telegram
        return Unknown(f"Something that is not Telegram answered {response.status_code}.")
    if ok:
        return _sent(answer.get("result"))
    return _refusal(response.status_code, str(answer.get("description", "")), answer.get("parameters") or {})


def _sent(result: Any) -> Sent:
    if not isinstance(result, dict):
        return Sent(None)
    photo = result.get("photo")
    return Sent(result.get("message_id"), photo[-1]["file_id"] if photo else None)


def _refusal(status: int, description: str, parameters: dict[str, Any]) -> Answer:
    words = description.lower()
    if "message is not modified" in words:
        return Sent(None)
    if status == 429 or "too many requests" in words:
        return NotSent(f"Telegram asks to wait: {description}", retry_in=float(parameters.get("retry_after", 5)))
    if status == 403 or "chat not found" in words or "user is deactivated" in words:
        return NotSent(f"Telegram does not reach this person: {description}", recipient_gone=True)
    if status in (401, 404, 409):
        return NotSent(
            f"Telegram refuses the bot: {description}. Check TELEGRAM_BOT_TOKEN.", retry_in=30, misconfigured=True
        )
    if "wrong file identifier" in words or "wrong remote file" in words:
        return NotSent(f"Telegram forgot the file: {description}", retry_in=0, stale_file_id=True)
    if status >= 500:
        return NotSent(f"Telegram is in trouble: {description}", retry_in=5)
    return NotSent(f"Telegram refuses the message: {description}")
