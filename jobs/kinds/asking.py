"""Telegram's methods as a job calls them: without an answer the job waits and asks again."""

from typing import TYPE_CHECKING, Any

from jobs.errors import Misconfigured

if TYPE_CHECKING:
    from jobs.delivery.telegram import Telegram


class Asking:
    """Raises Misconfigured where this worker has no bot."""

    def __init__(self, telegram: "Telegram | None") -> None:
        if telegram is None:
            raise Misconfigured("This worker was not started for the queue telegram.")
        self.telegram = telegram

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        """Raises TemporaryError."""
        return await self.telegram.ask(method, **fields)
