""" "typing…" in the chat for as long as a job for it runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog

log = structlog.get_logger()

# Telegram shows an action for five seconds
REPEAT_SECONDS = 4.5


class ShowsActions(Protocol):
    async def chat_action(self, chat_id: int, action: str) -> None: ...


@asynccontextmanager
async def showing(telegram: ShowsActions | None, destination: dict[str, Any], action: str) -> AsyncIterator[None]:
    """Repeats the action beside the work, never in its way."""
    chat = destination.get("telegram")
    if telegram is None or not chat:
        yield
        return
    repeating = asyncio.create_task(_repeat(telegram, int(chat["chat_id"]), action))
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.wait([repeating])


async def _repeat(telegram: ShowsActions, chat_id: int, action: str) -> None:
    while True:
        # the door showed the first one in its answer to Telegram
        await asyncio.sleep(REPEAT_SECONDS)
        try:
            await telegram.chat_action(chat_id, action)
        except Exception:
            log.warning("chat action failed", exc_info=True)
