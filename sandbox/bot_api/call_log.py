"""Which calls did the bots make, when, and what came of them?"""

from collections import deque
from dataclasses import dataclass

from sandbox.bot_api.wire import Wire, without_none

KEPT_CALLS = 20_000


@dataclass(frozen=True)
class BotCall:
    """`answered` is False where a fault closed the connection; `processed` is False where one came before the work."""

    number: int
    bot_id: int
    method: str
    params: Wire
    via: str
    received_at: float
    finished_at: float
    status: int
    description: str | None
    processed: bool
    answered: bool
    fault: str | None

    def wire(self) -> Wire:
        return without_none(
            number=self.number,
            bot_id=self.bot_id,
            method=self.method,
            params=self.params,
            via=self.via,
            received_at=self.received_at,
            finished_at=self.finished_at,
            status=self.status,
            ok=self.status == 200,
            description=self.description,
            processed=self.processed,
            answered=self.answered,
            fault=self.fault,
        )


class CallLog:
    def __init__(self) -> None:
        self.kept: deque[BotCall] = deque(maxlen=KEPT_CALLS)
        self.started = 0

    def next_number(self) -> int:
        """Calls are numbered as they arrive, and kept as they end."""
        self.started += 1
        return self.started

    def find(self, *, method: str | None = None, chat_id: int | None = None, after: int = 0) -> list[BotCall]:
        """Method names are compared without case, as Telegram does."""
        return [
            call
            for call in self.kept
            if call.number > after
            and (method is None or call.method.lower() == method.lower())
            and (chat_id is None or str(call.params.get("chat_id", call.params.get("user_id"))) == str(chat_id))
        ]
