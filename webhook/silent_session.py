"""A door talks to Postgres and to nobody else: what aiogram is given instead of a way to Telegram."""

from collections.abc import AsyncGenerator
from typing import Any

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType


class SilentSession(BaseSession):
    """Raises RuntimeError whatever is asked of it. Reads no certificates, which takes twenty milliseconds."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def make_request(
        self, bot: Bot, method: TelegramMethod[TelegramType], timeout: int | None = None
    ) -> TelegramType:
        raise RuntimeError(
            f"A handler called {method.__api_method__}: put it into the outbox, or answer the update by it"
        )

    def stream_content(
        self,
        url: str,
        headers: dict[str, Any] | None = None,
        timeout: int = 30,
        chunk_size: int = 65536,
        raise_for_status: bool = True,
    ) -> AsyncGenerator[bytes, None]:
        raise RuntimeError(f"A handler asked for {url.rpartition('/')[2]}: files are fetched by workers")
