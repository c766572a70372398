"""`/sandbox/…`: what bots called, what waits for them, which faults are ordered, everything that changes."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import Response, StreamingResponse

from sandbox.bot_api.events import EventLog
from sandbox.bot_api.faults import Fault, FaultOrder
from sandbox.bot_api.files import StoredFile
from sandbox.bot_api.routes.control_models import AnySandbox, BotId, Redelivery, Wait
from sandbox.bot_api.wire import Wire

router = APIRouter(prefix="/sandbox", tags=["watching"])


@router.get("/bots")
async def list_bots(sandbox: AnySandbox) -> list[Wire]:
    return [bot.wire() for bot in sandbox.bots.values()]


@router.get("/calls")
async def list_calls(
    sandbox: AnySandbox,
    method: str | None = None,
    chat_id: int | None = None,
    after: int = 0,
    wait: Wait = 0,
    bot_id: BotId = None,
) -> list[Wire]:
    """Finished calls after the number `after`; waits until there is one, or until `wait` seconds have passed."""
    log = sandbox.bot(bot_id).calls
    found = await sandbox.events.wait_for(lambda: log.find(method=method, chat_id=chat_id, after=after) or None, wait)
    return [call.wire() for call in found or []]


@router.get("/updates")
async def list_updates(sandbox: AnySandbox, state: str | None = None, bot_id: BotId = None) -> list[Wire]:
    """`state`: pending, delivered, expired or dropped."""
    history = sandbox.bot(bot_id).outbox.history
    return [update.view() for update in history if state in {None, update.state}]


@router.post("/updates/{update_id}/redeliver")
async def redeliver(sandbox: AnySandbox, update_id: int, order: Redelivery, bot_id: BotId = None) -> list[Wire]:
    """Sends an update again, whatever became of it, and returns the attempts."""
    bot = sandbox.bot(bot_id)
    update = bot.outbox.find(update_id)
    if update is None:
        raise HTTPException(404, f"There is no update {update_id}.")
    if bot.delivery is None:
        raise HTTPException(409, "The bot has no webhook. Call setWebhook first.")
    return [attempt.wire() for attempt in await bot.delivery.redeliver(update, order.times)]


@router.get("/faults")
async def list_faults(sandbox: AnySandbox) -> list[Wire]:
    return [fault_view(fault) for fault in sandbox.faults.waiting]


@router.post("/faults", status_code=201)
async def order_fault(sandbox: AnySandbox, order: FaultOrder) -> Wire:
    return fault_view(sandbox.faults.order(order))


@router.delete("/faults", status_code=204)
async def clear_faults(sandbox: AnySandbox) -> None:
    sandbox.faults.clear()


@router.get("/files/{file_id}")
async def read_file(sandbox: AnySandbox, file_id: str, original: bool = False, bot_id: BotId = None) -> Response:
    """What the page shows; `original` gives the bytes that were uploaded, before Telegram's recompression."""
    files = sandbox.bot(bot_id).files
    stored = files.by_id.get(file_id)
    if stored is None:
        raise HTTPException(404, "There is no such file.")
    if original and stored.kind == "photo":
        return Response(files.photo(file_id).uploaded, media_type="application/octet-stream")
    return Response(stored.content, media_type=safe_type(stored), headers=download_headers(stored))


@router.get("/events")
async def follow_events(
    sandbox: AnySandbox,
    after: int | None = None,
    user_id: int | None = None,
    last_event_id: Annotated[int | None, Header()] = None,
) -> StreamingResponse:
    """Server-sent events after the number `after` (or `Last-Event-ID`), of one user or of all."""
    start = last_event_id if last_event_id is not None else after
    lines = event_lines(sandbox.events, start, user_id)
    return StreamingResponse(lines, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def event_lines(events: EventLog, after: int | None, user_id: int | None) -> AsyncIterator[str]:
    """A `reset` event tells a follower that it has missed something and must read the chat anew."""
    yield "retry: 1000\n\n"
    start = events.last_seq if after is None else after
    if not events.reaches_back_to(start):
        start = events.last_seq
        yield f"id: {start}\ndata: {json.dumps({'seq': start, 'kind': 'reset'})}\n\n"
    async for event in events.follow(start):
        if user_id is None or event.user_id in {None, user_id}:
            yield f"id: {event.seq}\ndata: {json.dumps(event.wire())}\n\n"


def fault_view(fault: Fault) -> Wire:
    return {"number": fault.number, "left": fault.left, **fault.order.model_dump(mode="json")}


def safe_type(stored: StoredFile) -> str:
    """Only pictures are shown in the browser; a document that claims to be a page must not run in ours."""
    return "image/jpeg" if stored.kind == "photo" else "application/octet-stream"


def download_headers(stored: StoredFile) -> dict[str, str]:
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=86400"}
    if stored.kind == "document":
        headers["Content-Disposition"] = "attachment"
    return headers
