"""POST /telegram/webhook: who may post, what it may be, and what Telegram is told."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from webhook.body import TooLarge, parse_update, read
from webhook.updates import TryAgain, Updates

router = APIRouter()


@router.post("/telegram/webhook", include_in_schema=False)
async def telegram_webhook(
    request: Request, x_telegram_bot_api_secret_token: Annotated[str, Header()] = ""
) -> Response:
    updates: Updates = request.app.state.updates
    # as bytes: comparing text refuses what is not ASCII with an exception
    expected: bytes = request.app.state.secret
    if not secrets.compare_digest(x_telegram_bot_api_secret_token.encode(), expected):
        return Response(status_code=401)
    try:
        update = parse_update(await read(request))
    except TooLarge:
        return PlainTextResponse("An update is at most 1 MB.", status_code=413)
    except (ValueError, RecursionError):
        return PlainTextResponse("The body is not an update of the Bot API.", status_code=400)
    try:
        answer = await updates.take(update)
    except TryAgain as later:
        return Response(status_code=503, headers={"Retry-After": str(later.retry_in)})
    return JSONResponse(answer) if answer else Response(status_code=200)
