"""The ASGI app of one life of the server: every route with and without /api, and the orders under /sandbox."""

import json

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.comfyui.file_routes import file_routes
from sandbox.comfyui.info_routes import info_routes
from sandbox.comfyui.instance import Instance
from sandbox.comfyui.jobs_routes import jobs_routes
from sandbox.comfyui.orders import Control, order_routes
from sandbox.comfyui.prompt_routes import prompt_routes
from sandbox.comfyui.queue_routes import history_routes, queue_routes, running_routes
from sandbox.comfyui.websocket_route import websocket_route

TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"


def create_app(instance: Instance, control: Control) -> Starlette:
    routes: list[BaseRoute] = [
        *jobs_routes(instance),
        *prompt_routes(instance),
        *queue_routes(instance),
        *history_routes(instance),
        *running_routes(instance),
        *file_routes(instance),
        *info_routes(instance),
        websocket_route(instance),
    ]
    return Starlette(
        routes=[*order_routes(instance, control), *routes, Mount("/api", routes=routes)],
        middleware=[Middleware(Gate, instance=instance)],
        exception_handlers=dict.fromkeys(
            (json.JSONDecodeError, TypeError, KeyError, AttributeError, ValueError), trouble
        ),
    )


async def trouble(_: Request, __: Exception) -> PlainTextResponse:
    return PlainTextResponse(TROUBLE, status_code=500)


class Gate:
    """Holds everything while the process hangs, and turns away what a foreign web page sends."""

    def __init__(self, app: ASGIApp, instance: Instance) -> None:
        self.app = app
        self.instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith("/sandbox/"):
            await self.instance.machine.publisher.awake.wait()
        if scope["type"] == "http" and (b"sec-fetch-site", b"cross-site") in scope["headers"]:
            await PlainTextResponse("", status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)
