"""Which buttons were pressed, and what did the bot answer?"""

import secrets
from dataclasses import dataclass

from sandbox.bot_api.wire import Wire, now, without_none


@dataclass
class CallbackQuery:
    query_id: str
    user_id: int
    message_id: int
    data: str
    pressed_at: float
    answer: Wire | None = None
    answered_at: float | None = None

    def view(self) -> Wire:
        return without_none(
            callback_query_id=self.query_id,
            message_id=self.message_id,
            data=self.data,
            pressed_at=self.pressed_at,
            answered=self.answered_at is not None,
            answered_at=self.answered_at,
            answer=self.answer,
        )


class CallbackQueries:
    def __init__(self, answer_seconds: float) -> None:
        self.answer_seconds = answer_seconds
        self.by_id: dict[str, CallbackQuery] = {}

    def press(self, user_id: int, message_id: int, data: str) -> CallbackQuery:
        query = CallbackQuery(str(secrets.randbits(62)), user_id, message_id, data, now())
        self.by_id[query.query_id] = query
        return query

    def answerable(self, query_id: str) -> CallbackQuery | None:
        """None where it never was, was answered already or has waited too long."""
        query = self.by_id.get(query_id)
        if query is None or query.answered_at is not None or now() > query.pressed_at + self.answer_seconds:
            return None
        return query
