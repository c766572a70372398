"""A language model's server that can be ordered to fail: in front of a real one, everything else passes through.

`POST /sandbox/outage?seconds=20` begins one, `DELETE /sandbox/outage` ends it.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

MOST_SECONDS = 600.0
NOT_OURS = {"host", "connection", "content-length", "transfer-encoding"}
AWAY = {"error": {"message": "The model is at capacity (an outage that was ordered)", "code": "MODEL_OFFLINE"}}


class Outage:
    """`app` is to be served; `upstream` is the address of the model behind it."""

    def __init__(self, upstream: str) -> None:
        self.client = httpx.AsyncClient(base_url=upstream, timeout=MOST_SECONDS, trust_env=False)
        self.until = 0.0
        self.refused = 0
        self.app = Starlette(
            routes=[
                Route("/sandbox/outage", self._ordered, methods=["GET", "POST", "DELETE"]),
                Route("/{path:path}", self._passed_on, methods=["GET", "POST"]),
            ],
            lifespan=self._lifespan,
        )

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with self.client:
            yield

    async def _ordered(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                seconds = float(request.query_params.get("seconds", "20"))
            except ValueError:
                seconds = 0.0
            if not 0 < seconds <= MOST_SECONDS:
                return JSONResponse({"error": f"seconds is a number up to {MOST_SECONDS:.0f}"}, 400)
            self.until, self.refused = time.monotonic() + seconds, 0
        elif request.method == "DELETE":
            self.until = 0.0
        return JSONResponse({"seconds_left": round(self.seconds_left, 1), "refused": self.refused})

    async def _passed_on(self, request: Request) -> Response:
        # whether the server itself is there is another question than whether the model answers
        if self.seconds_left and request.url.path.startswith("/v1/"):
            self.refused += 1
            return JSONResponse(AWAY, 503)
        headers = [(name, value) for name, value in request.headers.items() if name not in NOT_OURS]
        asked = self.client.build_request(
            request.method,
            str(request.url.replace(scheme="", netloc="")),
            headers=headers,
            content=await request.body(),
        )
        try:
            response = await self.client.send(asked, stream=True)
        except httpx.TransportError:
            return JSONResponse({"error": "the language model behind this address is not there"}, 503)
        kept = {name: value for name, value in response.headers.items() if name not in NOT_OURS}
        return StreamingResponse(_pieces(response), response.status_code, kept)


async def _pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """A client that leaves stops the model."""
    try:
        async for piece in response.aiter_raw():
            yield piece
    finally:
        await response.aclose()
