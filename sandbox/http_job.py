"""A stand-in for a provider that takes jobs over HTTP: an order brings a number, a look at it brings the address of a
picture. It speaks the shape of the Live3D preset.

In a test: `shop = HttpJobs()`, `async with serving(shop.app) as base_url`; faults go to its places, such as
`shop.submit.order(…)`. Alone: `python -m sandbox.http_job --port 7870 --looks 2`.
"""

import argparse
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.comfyui.drawing import draw_scene
from sandbox.http_place import Place

MAKING, DONE, FAILED = 0, 1, 3


@dataclass
class Order:
    """`looks`: how often it must be looked at until it is done. `failure`: why it will never be."""

    id: int
    body: dict[str, Any]
    looks: int
    failure: str | None = None
    cancelled: bool = False

    @property
    def status(self) -> int:
        if self.looks > 0:
            return MAKING
        return FAILED if self.failure or self.cancelled else DONE


class HttpJobs:
    """`api_key` given, any other Bearer key is refused. `files_at`: where the pictures are said to be."""

    def __init__(self, *, looks: int = 0, api_key: str | None = None, files_at: str | None = None) -> None:
        self.looks = looks
        self.api_key = api_key
        self.files_at = files_at
        self.fail_with: str | None = None
        self.fixed_picture: bytes | None = None
        self.orders: list[Order] = []
        self.submit, self.state = Place(self._submit), Place(self._state)
        self.cancel, self.files = Place(self._cancel), Place(self._file)
        self.app = Starlette(
            routes=[
                Route("/api/v1/generation/generate", self.submit, methods=["POST"]),
                Route("/api/v1/generation/check_generate_state", self.state),
                Route("/api/v1/generation/{number}", self.cancel, methods=["DELETE"]),
                Route("/files/{number}.png", self.files),
            ]
        )

    def pictures_are(self, data: bytes) -> None:
        """From now on, whatever is asked for."""
        self.fixed_picture = data

    async def _submit(self, request: Request, body: dict[str, Any]) -> Response:
        if refusal := self._unauthorized(request):
            return refusal
        order = Order(len(self.orders) + 1, body, self.looks, self.fail_with)
        self.orders.append(order)
        return JSONResponse({"code": 200, "data": {"id": order.id}})

    async def _state(self, request: Request, body: dict[str, Any]) -> Response:
        order = self._order(request.query_params.get("ai_art_id", ""))
        if refusal := self._unauthorized(request):
            return refusal
        if order is None:
            return JSONResponse({"code": 404, "msg": "no such order"}, 404)
        order.looks -= 1
        data: dict[str, Any] = {"status": order.status, "url": []}
        if order.status == DONE:
            data["url"] = [f"{self.files_at or str(request.base_url).rstrip('/')}/files/{order.id}.png"]
        return JSONResponse({"code": 200, "msg": order.failure or "", "data": data})

    async def _cancel(self, request: Request, body: dict[str, Any]) -> Response:
        order = self._order(request.path_params["number"])
        if refusal := self._unauthorized(request):
            return refusal
        if order is None:
            return JSONResponse({"code": 404, "msg": "no such order"}, 404)
        order.cancelled = True
        return JSONResponse({"code": 200})

    async def _file(self, request: Request, body: dict[str, Any]) -> Response:
        order = self._order(request.path_params["number"])
        if order is None or order.status != DONE:
            return Response("Not Found", 404)
        return Response(self.fixed_picture or _png(order.body), media_type="image/png")

    def _order(self, number: str) -> Order | None:
        return next((order for order in self.orders if str(order.id) == number), None)

    def _unauthorized(self, request: Request) -> Response | None:
        if self.api_key is None or request.headers.get("authorization") == f"Bearer {self.api_key}":
            return None
        return JSONResponse({"code": 401, "msg": "unknown key"}, 401)


def _png(body: dict[str, Any]) -> bytes:
    width, height = int(body.get("width") or 64), int(body.get("height") or 64)
    with io.BytesIO() as file:
        draw_scene(str(body.get("prompt", "")), int(body.get("seed") or 0), width, height).save(file, "PNG")
        return file.getvalue()


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.http_job", description=__doc__)
    parser.add_argument("--port", type=int, default=7870)
    parser.add_argument("--looks", type=int, default=1, help="until a picture is done")
    options = parser.parse_args(None if arguments is None else list(arguments))
    uvicorn.run(HttpJobs(looks=options.looks).app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
