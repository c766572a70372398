"""Sends one message to a Telegram chat, and says what is known about its arrival.

Telegram has no key against sending twice: what may have arrived is never sent again by itself.
"""

import json
from dataclasses import dataclass
from typing import Any

import httpx

from jobs.errors import TemporaryError

TIMEOUT = httpx.Timeout(60, connect=5)
# a preview that comes late is worth nothing
DRAFT_TIMEOUT = httpx.Timeout(5, connect=2)
# no answer, an answer that is not Telegram's, or an address that is none
UNANSWERED = (httpx.HTTPError, httpx.InvalidURL, ValueError)


@dataclass(frozen=True)
class Upload:
    """A file that goes along, in the form's field of this name."""

    field: str
    data: bytes
    file_name: str = "picture.png"


@dataclass(frozen=True)
class Sent:
    """`file_id`: Telegram's name for the photo or document that was sent."""

    message_id: int | None
    file_id: str | None = None


@dataclass(frozen=True)
class NotSent:
    """Certainly not delivered. `retry_in` seconds is worth another try; None means never."""

    reason: str
    retry_in: float | None = None
    recipient_gone: bool = False
    stale_file_id: bool = False
    # we write faster than Telegram lets us
    flooded: bool = False
    # the message that was to be changed or taken away is not there, or is none that can be
    message_gone: bool = False
    # Telegram makes no photo of this file; it may take it as a file
    no_photo: bool = False
    # the bot itself is at fault (token, address): every other message would fail as well
    misconfigured: bool = False
    # nobody was reached: from here every other message would fail as well
    unreachable: bool = False


@dataclass(frozen=True)
class Unknown:
    """The request went out and no answer came back."""

    reason: str


Answer = Sent | NotSent | Unknown


# how Telegram says that a message cannot be changed or taken away any more
GONE = (
    "message to edit not found",
    "message to delete not found",
    "message can't be edited",
    "message can't be deleted",
    "message_id_invalid",
    "message identifier is not specified",
    "there is no text in the message to edit",
)


# of a picture that is larger than a photo may be, or of another shape
NO_PHOTO = (
    "photo_invalid_dimensions",
    "photo_save_file_invalid",
    "photo_ext_invalid",
    "image_process_failed",
    "file is too big",
    "too big for a photo",
)


class Telegram:
    def __init__(self, client: httpx.AsyncClient, *, token: str, api_base: str) -> None:
        self.client = client
        self.bot_id = int(token.partition(":")[0])
        self.root = f"{api_base.rstrip('/')}/bot{token}"

    async def send(
        self,
        method: str,
        fields: dict[str, Any],
        upload: Upload | None = None,
        *,
        timeout: httpx.Timeout | None = None,
    ) -> Answer:
        try:
            response = await self._post(method, fields, upload, timeout or TIMEOUT)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            return NotSent("TELEGRAM_API_BASE is not an address.", retry_in=30, misconfigured=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            return NotSent(f"Telegram cannot be reached ({type(error).__name__}).", retry_in=5, unreachable=True)
        except httpx.HTTPError as error:
            return Unknown(f"Telegram gave no answer ({type(error).__name__}).")
        return _understand(response)

    async def chat_action(self, chat_id: int, action: str) -> None:
        """ "typing…" for five seconds. A courtesy: failing is of no consequence."""
        await self.send("sendChatAction", {"chat_id": chat_id, "action": action})

    async def draft(self, chat_id: int, draft_id: int, text: str) -> NotSent | None:
        """What is written so far, with a button to stop that; again under the same id it takes the earlier's place.

        None when it is shown.
        """
        fields = {"chat_id": chat_id, "draft_id": draft_id, "text": text, "can_stop": True, "keep_on_stop": True}
        answer = await self.send("sendMessageDraft", fields, timeout=DRAFT_TIMEOUT)
        if isinstance(answer, Unknown):
            return NotSent(answer.reason, retry_in=0)
        return answer if isinstance(answer, NotSent) else None

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        """Any other method; the whole answer. Raises one of UNANSWERED if there is none."""
        answer: dict[str, Any] = (await self._post(method, fields, None, TIMEOUT)).json()
        return answer

    async def ask(self, method: str, **fields: Any) -> dict[str, Any]:
        """The same for a job. Raises TemporaryError where there is no answer, or Telegram asks to come back later."""
        try:
            answer = await self.call(method, **fields)
        except UNANSWERED as error:
            raise TemporaryError(f"Telegram does not answer ({type(error).__name__}).", code="unanswered") from error
        wait = (answer.get("parameters") or {}).get("retry_after")
        if not answer.get("ok") and (wait is not None or int(answer.get("error_code", 0)) >= 500):
            raise TemporaryError(f"Telegram is busy: {answer.get('description')}", retry_in=wait, code="unanswered")
        return answer

    async def _post(
        self, method: str, fields: dict[str, Any], upload: Upload | None, timeout: httpx.Timeout
    ) -> httpx.Response:
        url = f"{self.root}/{method}"
        if upload is None:
            return await self.client.post(url, json=fields, timeout=timeout)
        form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in fields.items()}
        files = {upload.field: (upload.file_name, upload.data)}
        return await self.client.post(url, data=form, files=files, timeout=timeout)


def _understand(response: httpx.Response) -> Answer:
    if response.status_code == 413:
        # whoever says so, Telegram or what stands before it
        return NotSent("The file is too large for Telegram.", no_photo=True)
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
    sizes = result.get("photo")
    file = sizes[-1] if sizes else result.get("document")
    return Sent(result.get("message_id"), file["file_id"] if file else None)


def _refusal(status: int, description: str, parameters: dict[str, Any]) -> Answer:
    words = description.lower()
    if "message is not modified" in words:
        return Sent(None)
    if status == 429 or "too many requests" in words:
        wait = float(parameters.get("retry_after", 5))
        return NotSent(f"Telegram asks to wait: {description}", retry_in=wait, flooded=True)
    if "migrate_to_chat_id" in parameters:
        return NotSent(f"This group has become another one, {parameters['migrate_to_chat_id']}.")
    if any(gone in words for gone in GONE):
        return NotSent(f"Telegram does not find the message: {description}", message_gone=True)
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
    no_photo = any(reason in words for reason in NO_PHOTO)
    return NotSent(f"Telegram refuses the message: {description}", no_photo=no_photo)
