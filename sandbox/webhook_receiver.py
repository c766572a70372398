"""A receiver of webhooks to develop against: checks signatures, shows what came, and misbehaves when told to.

`python -m sandbox.webhook_receiver --port 3000 --secret whsec_…`; `POST /behaviour {"do": "500"}` changes it.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from jobs.signatures import NotVerified, secret_bytes, verify
from sandbox.serve import serving

SLOW_SECONDS = 2.0
HANGING_SECONDS = 3600.0
# what it may be told to do, beside any status as a number
WAYS = ("accept", "slow", "hang")


@dataclass(frozen=True)
class Received:
    """One attempt. `verified`: the version of the signature that matched; `problem`: why none did."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: datetime
    verified: str | None = None
    problem: str | None = None

    @property
    def webhook_id(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def event(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed

    def as_json(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(),
            "path": self.path,
            "headers": self.headers,
            "body": self.body.decode("utf-8", "replace"),
            "verified": self.verified,
            "problem": self.problem,
        }


@dataclass
class WebhookReceiver:
    """`do`: accept, slow, hang, or a status such as 500, 410 or 301. `script` says it for the next ones, in order.

    `hang_at`: whatever is sent below this path gets no answer, and all else gets the usual one.
    """

    secrets: Sequence[str] = ()
    public_keys: Sequence[bytes] = ()
    do: str = "accept"
    script: list[str] = field(default_factory=list)
    hang_at: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    on_received: Callable[[Received], None] = lambda received: None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/behaviour", self._behave, methods=["POST"]),
                Route("/received", self._show, methods=["GET"]),
                Route("/{path:path}", self._take, methods=["POST"]),
            ]
        )

    async def wait_for(self, count: int, *, timeout: float = 20) -> list[Received]:
        """The first `count` attempts, as soon as they are there."""
        async with asyncio.timeout(timeout):
            while len(self.received) < count:
                self.arrived.clear()
                await self.arrived.wait()
        return self.received[:count]

    def release(self) -> None:
        """Whoever hangs is answered now."""
        self.open.set()

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        received = self._checked(request, body)
        self.received.append(received)
        self.arrived.set()
        self.on_received(received)
        way = self.script.pop(0) if self.script else self.do
        if self.hang_at and received.path.startswith(self.hang_at):
            way = "hang"
        if way == "hang":
            with suppress(TimeoutError):
                await asyncio.wait_for(self.open.wait(), HANGING_SECONDS)
        elif way == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if received.problem:
            return PlainTextResponse(f"{received.problem}\n", 401)
        return PlainTextResponse("", int(way) if way.isdigit() else 204, headers=self.headers)

    def _checked(self, request: Request, body: bytes) -> Received:
        headers, now = dict(request.headers), datetime.now(UTC)
        verified = problem = None
        if self.secrets or self.public_keys:
            try:
                verified = verify(headers, body, secrets=self.secrets, public_keys=self.public_keys)
            except NotVerified as error:
                problem = error.detail
        return Received(request.url.path, headers, body, now, verified, problem)

    async def _behave(self, request: Request) -> Response:
        try:
            asked = await request.json()
            way = str(asked["do"])
        except (ValueError, LookupError, TypeError):
            return PlainTextResponse('Send {"do": "500"}.\n', 422)
        if not (way in WAYS or (way.isdigit() and 200 <= int(way) <= 599)):
            return PlainTextResponse(f"It can do: {', '.join(WAYS)}, or a status from 200 to 599.\n", 422)
        self.do = way
        return JSONResponse({"do": way})

    async def _show(self, request: Request) -> Response:
        del request
        return JSONResponse([each.as_json() for each in self.received])


def _shown(received: Received) -> None:
    checked = f"signature {received.verified}" if received.verified else received.problem or "not checked"
    event = json.loads(received.body or b"{}")
    data = event.get("data", {})
    what = f"{event.get('type')} {data.get('id', '')} {data.get('status', '')}".strip()
    print(f"{received.at:%H:%M:%S} {received.webhook_id} {what} ({checked})", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.webhook_receiver", description=__doc__)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--secret", action="append", default=[], help="whsec_…; may be given several times")
    parser.add_argument("--do", default="accept", help="accept, slow, hang, or a status to answer")
    arguments = parser.parse_args()
    for secret in arguments.secret:
        try:
            secret_bytes(secret)
        except ValueError as error:
            parser.error(str(error))
    return arguments


async def main() -> None:
    arguments = _arguments()
    receiver = WebhookReceiver(secrets=arguments.secret, do=arguments.do, on_received=_shown)
    async with serving(receiver.app, port=arguments.port) as url:
        print(f"Webhooks are received at {url}/; what came is at {url}/received", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
