"""`postgen listen`: one's own events, posted to a local address as a webhook would be, without a tunnel."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from jobs.commands.sse import EventParser, ServerEvent
from jobs.errors import InvalidInput, PermanentError
from jobs.signatures import secret_bytes, sign
from jobs.webhooks.body import event_body, webhook_id

Json = dict[str, Any]

# a stream pings every 15 seconds: one that is silent for longer than two pings is dead
STREAM_TIMEOUT = httpx.Timeout(10, read=35)
FORWARD_TIMEOUT = httpx.Timeout(15, connect=5)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
# answers that no later attempt would change
FINAL = (400, 401, 403, 404, 405, 406, 422)


@dataclass
class Line:
    """The connection to the account's stream. `place`: the last event that was forwarded, in any connection."""

    http: httpx.AsyncClient
    query: dict[str, str]
    place: str = ""
    pause: float = FIRST_PAUSE

    async def events(self) -> AsyncGenerator[ServerEvent, None]:
        """For ever, over as many connections as it takes. Raises PermanentError when the API will not have us."""
        while True:
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        yield event
                        self.place = event.id or self.place
                # told to come back: another server is there already
            except httpx.HTTPError as error:
                print(f"-- the API is away ({type(error).__name__}); trying again in {self.pause:g} s", flush=True)
            await asyncio.sleep(self.pause)
            self.pause = min(self.pause * 2, LONGEST_PAUSE)

    async def _connection(self) -> AsyncGenerator[ServerEvent, None]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.place} if self.place else {})
        async with self.http.stream("GET", "/v1/events", params=self.query, headers=headers) as response:
            if response.status_code in FINAL:
                await response.aread()
                raise PermanentError(_refusal(response))
            response.raise_for_status()
            parser = EventParser(self.place)
            self.pause = FIRST_PAUSE
            async for chunk in response.aiter_bytes():
                for event in parser.feed(chunk):
                    yield event
            if parser.retry_ms:
                self.pause = parser.retry_ms / 1000


@dataclass(frozen=True)
class Forwarder:
    """`secret`: what the local application verifies with; without one nothing is signed."""

    http: httpx.AsyncClient
    address: str
    secret: str | None

    async def forward(self, event: Json) -> str:
        """What came of it, in words. It is tried once: this is for development."""
        body = as_webhook(event)
        name = webhook_id(UUID(event["job_id"]), event["seq"])
        headers = {"Content-Type": "application/json", "webhook-id": name}
        if self.secret:
            headers |= sign(name, datetime.now(UTC), body, [self.secret])
        try:
            response = await self.http.post(self.address, content=body, headers=headers)
        except httpx.HTTPError as error:
            return f"no answer ({type(error).__name__})"
        return f"{response.status_code} in {response.elapsed.total_seconds() * 1000:.0f} ms"


async def listen(
    forward: str,
    *,
    api: str,
    key: str,
    events: str | None = None,
    after: str | None = None,
    secret: str | None = None,
) -> bool:
    """Until Ctrl-C. `events`: only these types, with commas between. `after`: begin behind this event of the account,
    for what was missed; `secret`: sign with it, `whsec_…`. Raises PostgenError when the API refuses."""
    require_addresses(forward, api, secret)
    query = {"types": events} if events else {}
    async with (
        httpx.AsyncClient(
            base_url=api, headers={"Authorization": f"Bearer {key}"}, timeout=STREAM_TIMEOUT, trust_env=False
        ) as source,
        httpx.AsyncClient(timeout=FORWARD_TIMEOUT, trust_env=False) as target,
    ):
        try:
            await _follow(Line(source, query, after or ""), Forwarder(target, forward, secret))
        except asyncio.CancelledError:
            # Ctrl-C is how this ends, and no failure
            print("-- stopped", flush=True)
    return True


async def _follow(line: Line, forwarder: Forwarder) -> None:
    greeted = False
    async with aclosing(line.events()) as events:
        async for event in events:
            if event.type == "snapshot" and not greeted:
                greeted = True
                print(f"-- listening; events go to {forwarder.address}", flush=True)
            if event.type in ("snapshot", "reconnect"):
                continue
            told = json.loads(event.data)
            outcome = await forwarder.forward(told)
            print(f"{told['created_at'][11:19]}  {event.type:<16} {told['job_id']}  {outcome}", flush=True)


def as_webhook(event: Json) -> bytes:
    """The body that a webhook for this event has."""
    data = {**event.get("job", {"id": event["job_id"]}), "prev_seq": event["prev_seq"], "truncated": False}
    return event_body(event["type"], data, datetime.fromisoformat(event["created_at"]))


def require_addresses(forward: str, api: str, secret: str | None) -> None:
    """Raises InvalidInput with a sentence on what to give instead."""
    for option, address in (("--forward", forward), ("--api", api)):
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in ("http", "https") or not url.host:
            raise InvalidInput(f"{option} {address} is not an address. It reads http://localhost:3000/hook")
    if secret:
        try:
            secret_bytes(secret)
        except ValueError as error:
            raise InvalidInput(f"--secret is not valid: {error}") from None


def _refusal(response: httpx.Response) -> str:
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"it answers {response.status_code}. Is this the address of the REST API?"
    return f"The API at {response.url.copy_with(query=None)} refuses: {detail}"
