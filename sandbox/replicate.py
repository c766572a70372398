"""A stand-in for Replicate: orders that are drawn in their own time, signed calls back, files that need the token.

In a test: `replicate = ReplicateServer()`, `async with serving(replicate.app) as base_url`; faults go to its places,
such as `replicate.create.order(…)`. Alone: `python -m sandbox.replicate --port 7880 --seconds 3`, then
REPLICATE_BASE_URL=http://127.0.0.1:7880, REPLICATE_API_TOKEN=r8_sandbox and REPLICATE_MODEL=sandbox/landscapes.
"""

import argparse
import asyncio
import io
import re
from collections.abc import Iterable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.comfyui.drawing import draw_scene
from sandbox.http_place import Place
from sandbox.replicate_calls import CallsBack
from sandbox.replicate_state import Drawing, Studio

TOKEN = "r8_sandbox"  # noqa: S105 - of the stand-in
LONGEST_WAIT = 60
PAGE = 100


class ReplicateServer:
    """`seconds` that a picture takes. `models` given, any other is not found. `files_at`: where files are said to be.

    `outcome` is how orders end from now on; what is `held` ends when the test says so.
    """

    def __init__(
        self, *, seconds: float = 0.0, token: str = TOKEN, models: Iterable[str] | None = None,
        files_at: str | None = None, page: int = PAGE,
    ) -> None:  # fmt: skip
        self.token = token
        self.models = None if models is None else set(models)
        self.files_at = files_at
        self.page = page
        self.fixed_picture: bytes | None = None
        # set at the first order; cleared, an order is taken and its answer waits
        self.taken, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()
        self.calls = CallsBack()
        self.studio = Studio(seconds, self.calls.make)
        self.create, self.look, self.listing = Place(self._create), Place(self._look), Place(self._list)
        self.cancel, self.files, self.model = Place(self._cancel), Place(self._file), Place(self._model)
        self.secret, self.account = Place(self._secret), Place(self._account)
        self.app = Starlette(
            routes=[
                Route("/v1/predictions", self.create, methods=["POST"]),
                Route("/v1/predictions", self.listing, methods=["GET"]),
                Route("/v1/predictions/{id}", self.look, methods=["GET"]),
                Route("/v1/predictions/{id}/cancel", self.cancel, methods=["POST"]),
                Route("/v1/models/{owner}/{name}", self.model),
                Route("/v1/account", self.account),
                Route("/v1/webhooks/default/secret", self.secret),
                Route("/files/{id}.png", self.files),
            ]
        )

    @property
    def orders(self) -> list[Drawing]:
        return self.studio.drawings

    def pictures_are(self, data: bytes) -> None:
        """From now on, whatever is asked for."""
        self.fixed_picture = data

    async def aclose(self) -> None:
        await self.studio.aclose()
        await self.calls.aclose()

    async def _create(self, request: Request, body: dict[str, Any]) -> Response:
        if refusal := self._unauthorized(request) or self._invalid(body):
            return refusal
        drawing = self.studio.take(body, self._base(request))
        self.taken.set()
        await self.answers.wait()
        if (seconds := _preferred(request.headers.get("prefer", ""))) is not None:
            await self.studio.wait(drawing, seconds)
            return JSONResponse(drawing.as_json(), 201 if drawing.is_over else 202)
        return JSONResponse(drawing.as_json(), 201)

    def _invalid(self, body: dict[str, Any]) -> Response | None:
        version, given = str(body.get("version", "")), body.get("input")
        if not isinstance(given, dict) or not isinstance(given.get("prompt"), str):
            return _problem(422, "Input validation failed", "- input: prompt is required")
        if self.models is not None and version.partition(":")[0] not in self.models:
            return _problem(404, "Not found", "The requested resource could not be found.")
        if "webhook" in body and not re.match(r"https?://", str(body["webhook"])):
            return _problem(422, "Invalid webhook", "webhook must be a valid URL")
        return None

    async def _look(self, request: Request, body: dict[str, Any]) -> Response:
        drawing = self.studio.find(request.path_params["id"])
        if refusal := self._unauthorized(request):
            return refusal
        return JSONResponse(drawing.as_json()) if drawing else _problem(404, "Not found", "No such prediction.")

    async def _cancel(self, request: Request, body: dict[str, Any]) -> Response:
        drawing = self.studio.find(request.path_params["id"])
        if refusal := self._unauthorized(request):
            return refusal
        if drawing is None:
            return _problem(404, "Not found", "No such prediction.")
        self.studio.end(drawing, "canceled")
        return JSONResponse(drawing.as_json())

    async def _list(self, request: Request, body: dict[str, Any]) -> Response:
        if refusal := self._unauthorized(request):
            return refusal
        start = int(request.query_params.get("cursor", 0))
        newest = self.orders[::-1][start : start + self.page]
        more = start + self.page < len(self.orders)
        following = f"{self._base(request)}/v1/predictions?cursor={start + self.page}" if more else None
        return JSONResponse({"previous": None, "next": following, "results": [each.as_json() for each in newest]})

    async def _file(self, request: Request, body: dict[str, Any]) -> Response:
        drawing = self.studio.find(request.path_params["id"])
        if refusal := self._unauthorized(request):
            return refusal
        if drawing is None or drawing.removed:
            return Response("Not Found", 404)
        return Response(self.fixed_picture or _png(drawing.input), media_type="image/png")

    async def _model(self, request: Request, body: dict[str, Any]) -> Response:
        name = f"{request.path_params['owner']}/{request.path_params['name']}"
        if refusal := self._unauthorized(request):
            return refusal
        if self.models is not None and name not in self.models:
            return _problem(404, "Not found", "The requested resource could not be found.")
        return JSONResponse({"owner": request.path_params["owner"], "name": request.path_params["name"]})

    async def _account(self, request: Request, body: dict[str, Any]) -> Response:
        return self._unauthorized(request) or JSONResponse({"type": "organization", "username": "sandbox"})

    async def _secret(self, request: Request, body: dict[str, Any]) -> Response:
        return self._unauthorized(request) or JSONResponse({"key": self.calls.secret})

    def _unauthorized(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {self.token}":
            return None
        return _problem(401, "Unauthenticated", "You did not pass a valid authentication token")

    def _base(self, request: Request) -> str:
        return self.files_at or str(request.base_url).rstrip("/")


def throttled(seconds: int = 30) -> tuple[int, dict[str, Any]]:
    """Status and body, for a Refusal."""
    return 429, {"detail": f"Request was throttled. Your rate limit resets in ~{seconds}s.", "status": 429}


def _problem(status: int, title: str, detail: str) -> Response:
    return JSONResponse({"title": title, "detail": detail, "status": status}, status)


def _preferred(header: str) -> float | None:
    found = re.fullmatch(r"wait(?:=([0-9]+))?", header)
    return None if found is None else min(float(found[1] or LONGEST_WAIT), LONGEST_WAIT)


def _png(given: dict[str, Any]) -> bytes:
    width, height = int(given.get("width") or 64), int(given.get("height") or 64)
    with io.BytesIO() as file:
        draw_scene(str(given.get("prompt", "")), int(given.get("seed") or 0), width, height).save(file, "PNG")
        return file.getvalue()


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.replicate", description=__doc__)
    parser.add_argument("--port", type=int, default=7880)
    parser.add_argument("--seconds", type=float, default=3.0, help="that a picture takes")
    options = parser.parse_args(None if arguments is None else list(arguments))
    server = ReplicateServer(seconds=options.seconds)
    config = uvicorn.Config(server.app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
