"""Everything that the test of a bot needs, over HTTP: `async with rehearsal() as stage`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.bot_api.options import SandboxOptions
from sandbox.bot_api.server import RunningSandbox, running_sandbox
from sandbox.bot_api.webhook_delivery import tls_for
from sandbox.bot_api.webhook_recorder import WebhookRecorder, recording_webhook
from sandbox.bot_api.wire import Wire

TOKEN = "1000:rehearsal-secret"  # noqa: S105 - opens nothing but a sandbox in memory


class RefusedError(AssertionError):
    """The Bot API or the sandbox said no to what should have worked."""


@dataclass(frozen=True)
class Stage:
    """A running sandbox with one bot, a webhook that records (not yet set), and a client for both sides."""

    running: RunningSandbox
    webhook: WebhookRecorder
    http: httpx.AsyncClient

    async def raw(self, method: str, **params: Any) -> httpx.Response:
        """One call of the bot, whatever comes of it."""
        return await self.http.post(f"/bot{TOKEN}/{method}", json=params)

    async def call(self, method: str, **params: Any) -> Any:
        """The result of one call of the bot, which must succeed."""
        answer = (await self.raw(method, **params)).json()
        if not answer["ok"]:
            raise RefusedError(f"{method}: {answer}")
        return answer["result"]

    async def refusal(self, method: str, **params: Any) -> tuple[int, str]:
        """Status and description of one call of the bot, which must fail."""
        response = await self.raw(method, **params)
        answer = response.json()
        if answer["ok"]:
            raise RefusedError(f"{method} succeeded: {answer}")
        return response.status_code, answer["description"]

    async def set_webhook(self, **more: Any) -> None:
        await self.call("setWebhook", url=self.webhook.url, **more)

    async def control(self, verb: str, path: str, **body: Any) -> Any:
        """A request to the control API; `path` is what follows /sandbox/."""
        response = await self.http.request(verb, f"/sandbox/{path}", json=body or None)
        if response.is_error:
            raise RefusedError(f"{verb} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None

    async def user(self, first_name: str = "Anna", **more: Any) -> int:
        """The id of a new user, who has a chat with the bot unless `started=False`."""
        created: Wire = await self.control("POST", "users", first_name=first_name, **more)
        return int(created["id"])

    async def says(self, user_id: int, text: str) -> Wire:
        message: Wire = await self.control("POST", f"users/{user_id}/messages", text=text)
        return message

    async def bot_messages(self, user_id: int) -> list[Wire]:
        messages: list[Wire] = await self.control("GET", f"users/{user_id}/messages?from_bot=true")
        return messages


@asynccontextmanager
async def rehearsal(options: SandboxOptions | None = None) -> AsyncIterator[Stage]:
    async with (
        recording_webhook() as webhook,
        running_sandbox(TOKEN, options=options) as running,
        httpx.AsyncClient(base_url=running.url, timeout=30, verify=tls_for(running.url)) as http,
    ):
        yield Stage(running, webhook, http)
