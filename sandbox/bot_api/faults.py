"""Which misfortunes did a test order, and whom do they meet?"""

from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import BaseModel, Field


class FaultKind(StrEnum):
    """The first seven meet calls of a bot, the last one updates on their way to the webhook."""

    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_REQUESTS_BARE = "too_many_requests_bare"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DELAY = "delay"
    DELIVER_TWICE = "deliver_twice"


class FaultOrder(BaseModel):
    """What a test asks for. `method` and `chat_id` narrow it down; for updates `method` is the kind of update.

    `retry_after` goes with too_many_requests, `seconds` with delay (the call is processed after that wait).
    """

    kind: FaultKind
    method: str | None = None
    chat_id: int | None = None
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=1)
    seconds: float = Field(default=1.0, ge=0)


@dataclass(frozen=True)
class Fault:
    number: int
    order: FaultOrder
    left: int

    def meets(self, method: str, chat_id: int | None) -> bool:
        wanted = self.order
        right_method = wanted.method is None or wanted.method.lower() == method.lower()
        return right_method and (wanted.chat_id is None or wanted.chat_id == chat_id)


class FaultPlan:
    """Faults wait in the order in which they were ordered; each call meets one at most."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.ordered = 0

    def order(self, order: FaultOrder) -> Fault:
        self.ordered += 1
        fault = Fault(self.ordered, order, order.times)
        self.waiting.append(fault)
        return fault

    def take_for_call(self, method: str, chat_id: int | None) -> FaultOrder | None:
        return self.take(method, chat_id, of_updates=False)

    def take_for_update(self, kind: str, chat_id: int | None) -> FaultOrder | None:
        return self.take(kind, chat_id, of_updates=True)

    def take(self, method: str, chat_id: int | None, *, of_updates: bool) -> FaultOrder | None:
        for index, fault in enumerate(self.waiting):
            if (fault.order.kind is FaultKind.DELIVER_TWICE) is of_updates and fault.meets(method, chat_id):
                self.use_up(index)
                return fault.order
        return None

    def use_up(self, index: int) -> None:
        fault = self.waiting[index]
        if fault.left > 1:
            self.waiting[index] = replace(fault, left=fault.left - 1)
        else:
            del self.waiting[index]

    def clear(self) -> None:
        self.waiting.clear()
