"""`/bot{token}/{method}` and `/file/bot{token}/{path}`: the surface that bots talk to."""

import asyncio
import json

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.bot_api.body_parsing import parse_body
from sandbox.bot_api.bot import Bot
from sandbox.bot_api.calling import BAD_GATEWAY_PAGE, Answer, call
from sandbox.bot_api.connection import close_connection
from sandbox.bot_api.errors import BotApiError
from sandbox.bot_api.options import TOKEN
from sandbox.bot_api.params import Params
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.wire import Wire

LARGEST_REQUEST = 52 * 1024 * 1024


def bot_routes(sandbox: Sandbox) -> list[Route]:
    async def run_method(request: Request) -> Response:
        try:
            bot = bot_of(sandbox, request)
            params = await read_params(request)
        except BotApiError as refusal:
            return json_answer(refusal.code, refusal.body())
        except ClientDisconnect:
            return Response(status_code=400)
        return await rendered(request, await call(bot, request.path_params["method"], params, "http"))

    async def download(request: Request) -> Response:
        try:
            bot = bot_of(sandbox, request)
        except BotApiError as refusal:
            return json_answer(refusal.code, refusal.body())
        stored = bot.files.by_path.get(request.path_params["path"])
        if stored is None:
            return json_answer(404, BotApiError(404, "Not Found").body())
        return Response(stored.content, media_type="application/octet-stream")

    return [
        Route("/bot{token}/{method}", run_method, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", download, methods=["GET"]),
    ]


def bot_of(sandbox: Sandbox, request: Request) -> Bot:
    token = request.path_params["token"]
    bot = sandbox.bot_with(token)
    if bot is None:
        raise BotApiError(401, "Unauthorized") if TOKEN.fullmatch(token) else BotApiError(404, "Not Found")
    return bot


async def read_params(request: Request) -> Params:
    """Parameters of the address and of the body together."""
    body = await limited_body(request)
    parsed = await parse_body(request.headers.get("content-type", ""), body)
    return Params({**request.query_params, **parsed.values}, parsed.files)


async def limited_body(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_REQUEST:
            raise BotApiError(413, "Request Entity Too Large")
        chunks.append(chunk)
    return b"".join(chunks)


async def rendered(request: Request, answer: Answer) -> Response:
    if answer.dropped:
        close_connection(request.scope)
        # the server must notice the lost connection before this answer, which nobody is to see
        await asyncio.sleep(0)
        return Response(status_code=500)
    if answer.body is None:
        return HTMLResponse(BAD_GATEWAY_PAGE, status_code=answer.status)
    return json_answer(answer.status, answer.body)


def json_answer(status: int, body: Wire) -> Response:
    retry_after = body.get("parameters", {}).get("retry_after")
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(json.dumps(body), status_code=status, media_type="application/json", headers=headers)
