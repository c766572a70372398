"""What happens to one call of a method: faults, flood control, the work itself, the log?"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.call_log import BotCall
from sandbox.bot_api.errors import BotApiError, too_many_requests
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.methods.table import FLOOD_CONTROLLED, METHODS
from sandbox.bot_api.methods.webhook import Described
from sandbox.bot_api.params import Params
from sandbox.bot_api.wire import Wire, now

BAD_GATEWAY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Answer:
    """`body` is None for a page that is no JSON. `dropped` means that the caller is to see a closed connection."""

    status: int
    body: Wire | None
    processed: bool = True
    dropped: bool = False

    @property
    def description(self) -> str | None:
        return None if self.body is None else self.body.get("description")


async def call(bot: Bot, method: str, params: Params, via: str) -> Answer:
    """Carries out one call and writes it into the log. `via` is `http` or `webhook_reply`."""
    received, number = now(), bot.calls.next_number()
    chat_id = params.integer("chat_id") or params.integer("user_id") or None
    fault = bot.faults.take_for_call(method, chat_id)
    answer = await answer_with_fault(bot, method, params, fault)
    record = BotCall(
        number=number,
        bot_id=bot.bot_id,
        method=method,
        params=params.summary(),
        via=via,
        received_at=received,
        finished_at=now(),
        status=answer.status,
        description=answer.description,
        processed=answer.processed,
        answered=not answer.dropped,
        fault=fault.kind.value if fault else None,
    )
    bot.calls.kept.append(record)
    bot.events.publish("call", record.wire(), bot_id=bot.bot_id, user_id=chat_id)
    return answer


async def answer_with_fault(bot: Bot, method: str, params: Params, fault: FaultOrder | None) -> Answer:
    match fault.kind if fault else None:
        case FaultKind.TOO_MANY_REQUESTS if fault:
            return refused(too_many_requests(fault.retry_after))
        case FaultKind.TOO_MANY_REQUESTS_BARE:
            return refused(BotApiError(429, "Too Many Requests"))
        case FaultKind.SERVER_ERROR:
            return refused(BotApiError(500, "Internal Server Error"))
        case FaultKind.BAD_GATEWAY:
            return Answer(502, None, processed=False)
        case FaultKind.DROP_BEFORE:
            return Answer(0, None, processed=False, dropped=True)
        case FaultKind.DROP_AFTER:
            done = await carried_out(bot, method, params)
            return Answer(done.status, done.body, dropped=True)
        case FaultKind.DELAY if fault:
            await asyncio.sleep(fault.seconds)
    return await carried_out(bot, method, params)


async def carried_out(bot: Bot, method: str, params: Params) -> Answer:
    try:
        result = await result_of(bot, method, params)
    except BotApiError as refusal:
        return Answer(refusal.code, refusal.body())
    if isinstance(result, Described):
        return Answer(200, {"ok": True, "result": result.result, "description": result.description})
    return Answer(200, {"ok": True, "result": result})


async def result_of(bot: Bot, method: str, params: Params) -> Any:
    work = METHODS.get(method.lower())
    if work is None:
        raise BotApiError(404, "Not Found: method not found")
    if bot.flood is not None and method.lower() in FLOOD_CONTROLLED:
        wait = bot.flood.refusal(params.integer("chat_id"), now())
        if wait is not None:
            raise too_many_requests(wait)
    return await work(bot, params)


def refused(error: BotApiError) -> Answer:
    return Answer(error.code, error.body(), processed=False)


async def call_from_webhook(bot: Bot, method: str, params: Params) -> None:
    """A method named in a webhook's answer: carried out, and nobody is told what came of it."""
    values = {name: value for name, value in params.values.items() if name != "method"}
    await call(bot, method, Params(values, params.files), "webhook_reply")
