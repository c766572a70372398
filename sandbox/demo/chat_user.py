"""A person who writes to the bot, played over the chat page's own control API."""

import io
import time
from dataclasses import dataclass
from typing import Any

import httpx
from PIL import Image

QUIET = 1


class NothingCame(Exception):
    """What was asked for did not arrive in time; the message says what came instead."""


@dataclass(frozen=True)
class Arrival:
    """A message of the bot, and the milliseconds from the person's message to it, by the chat's own clock."""

    message: dict[str, Any]
    milliseconds: float


class ChatUser:
    def __init__(self, client: httpx.AsyncClient, user_id: int) -> None:
        self.client = client
        self.user_id = user_id

    @classmethod
    async def join(cls, client: httpx.AsyncClient, first_name: str) -> "ChatUser":
        response = await client.post("/sandbox/users", json={"first_name": first_name, "started": False})
        return cls(client, response.raise_for_status().json()["id"])

    async def ask(self, text: str, wanted: str, patience: float) -> Arrival:
        """Sends `text` and waits for a message of the bot that has the field `wanted`. Raises NothingCame."""
        response = await self.client.post(f"{self._messages}", json={"text": text})
        sent = response.raise_for_status().json()
        return await self._until(sent["message_id"], sent["received_at"], wanted, patience)

    async def _until(self, newest: int, since: float, wanted: str, patience: float) -> Arrival:
        deadline, instead = time.monotonic() + patience, []
        while (remaining := deadline - time.monotonic()) > 0:
            for message in await self._after(newest, remaining):
                if wanted in message:
                    return Arrival(message, (message["received_at"] - since) * 1000)
                newest = message["message_id"]
                instead.append(message.get("text", "a message without text"))
        raise NothingCame(f"what came instead: {'; '.join(instead)}" if instead else "nothing came at all")

    async def press(self, message: dict[str, Any], data: str, wanted: str, patience: float) -> Arrival:
        """Presses the message's first button whose data begins with `data`, then as `ask`. Raises NothingCame."""
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        found = [button["callback_data"] for row in rows for button in row if button["callback_data"].startswith(data)]
        if not found:
            raise NothingCame(f"there is no button {data!r} below it")
        newest = await self._newest()
        body = {"message_id": message["message_id"], "data": found[0]}
        pressed = time.time()
        (await self.client.post(f"/sandbox/users/{self.user_id}/callbacks", json=body)).raise_for_status()
        return await self._until(newest, pressed, wanted, patience)

    async def until_quiet(self, newest: int) -> None:
        """Some answers have several messages: returns when no further one comes."""
        while messages := await self._after(newest, QUIET):
            newest = messages[-1]["message_id"]

    async def picture_of(self, message: dict[str, Any]) -> str:
        """Size and format of the message's largest picture, after decoding all of it."""
        response = await self.client.get(f"/sandbox/files/{message['photo'][-1]['file_id']}")
        content = response.raise_for_status().content
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            return f"{picture.format} of {picture.width}×{picture.height}, {len(content) / 1000:.0f} kB"

    async def _newest(self) -> int:
        messages = (await self.client.get(self._messages)).raise_for_status().json()
        return int(messages[-1]["message_id"]) if messages else 0

    @property
    def _messages(self) -> str:
        return f"/sandbox/users/{self.user_id}/messages"

    async def _after(self, newest: int, wait: float) -> list[dict[str, Any]]:
        parameters: dict[str, str | float] = {"after": newest, "from_bot": "true", "wait": round(wait, 3)}
        response = await self.client.get(self._messages, params=parameters)
        messages: list[dict[str, Any]] = response.raise_for_status().json()
        return messages
