"""The bot as a person sees it: the webhook app behind the sandbox's Bot API, and what workers do run by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from jobs.companion.operating.registration import ALLOWED_UPDATES
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.deliver import deliver
from jobs.resources import Resources
from sandbox.bot_api.sandbox import Sandbox
from sandbox.serve import serving
from tests.factories import SECRET, TOKEN, all_jobs, rows

PATIENCE = 20
PENDING = "SELECT id FROM deliveries WHERE status = 'pending' AND channel = 'telegram' ORDER BY id"


@dataclass
class SandboxBot:
    http: httpx.AsyncClient
    sandbox: Sandbox
    database: Database
    resources: Resources
    user: int = field(default=0, kw_only=True)

    async def control(self, verb: str, path: str, **body: Any) -> Any:
        response = await self.http.request(verb, f"/sandbox/{path}", json=body or None)
        response.raise_for_status()
        return response.json() if response.content else None

    async def messages(self) -> list[dict[str, Any]]:
        """What of the bot's can be seen in the chat now."""
        found = await self.control("GET", f"users/{self.user}/messages?from_bot=true")
        return [each for each in found if not each.get("deleted_at")]

    async def texts(self) -> list[str]:
        return [each["text"] for each in await self.messages() if "text" in each]

    async def says(self, words: str) -> None:
        """Once the door has taken it."""
        async with self.taken():
            await self.control("POST", f"users/{self.user}/messages", text=words)

    async def sends(self, name: str, content: bytes, caption: str = "") -> None:
        """A file, once the door has taken it."""
        async with self.taken():
            path, files = f"/sandbox/users/{self.user}/files", {"file": (name, content)}
            (await self.http.post(path, files=files, data={"caption": caption})).raise_for_status()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        before = len(await rows(self.database, "SELECT 1 FROM telegram_updates"))
        yield
        async with asyncio.timeout(PATIENCE):
            while len(await rows(self.database, "SELECT 1 FROM telegram_updates")) == before:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.01)

    async def press(self, data: str) -> str:
        """The newest button whose data begins so, or has it behind an id. The words of the answer."""
        for message in reversed(await self.messages()):
            for button in (each for row in keyboard(message) for each in row):
                if button["callback_data"].startswith(data) or button["callback_data"].endswith(f":{data}"):
                    return await self.press_again(message, button["callback_data"])
        raise AssertionError(f"there is no button {data}")

    async def press_again(self, message: dict[str, Any], data: str) -> str:
        path = f"users/{self.user}/callbacks?wait={PATIENCE}"
        query = await self.control("POST", path, message_id=message["message_id"], data=data)
        return str(query["answer"].get("text", ""))

    async def calls(self, method: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.control("GET", f"calls?method={method}")
        return found

    async def send_pending(self) -> None:
        while found := await rows(self.database, PENDING):
            for row in found:
                await deliver(self.resources, row["id"])

    async def jobs(self, *kinds: str) -> list[Job]:
        return [each for each in await all_jobs(self.database) if each.kind in kinds]

    async def meet(self, language: str = "en") -> None:
        self.user = int((await self.control("POST", "users", first_name="Anna", language_code=language))["id"])


def keyboard(message: dict[str, Any]) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    return found


@asynccontextmanager
async def opened_webhook(app: FastAPI, bot_api: str) -> AsyncIterator[httpx.AsyncClient]:
    """The app is served and registered with the Bot API there, for which this is a client."""
    try:
        async with serving(app) as url, httpx.AsyncClient(base_url=bot_api, trust_env=False, timeout=60) as http:
            webhook = {"url": f"{url}/telegram/webhook", "secret_token": SECRET, "allowed_updates": ALLOWED_UPDATES}
            (await http.post(f"/bot{TOKEN}/setWebhook", json=webhook)).raise_for_status()
            yield http
    finally:
        await app.state.database.aclose()
