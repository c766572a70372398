"""`postgen listen`: one's own events, posted to a local address as a webhook would be, without a tunnel."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from jobs.commands.event_line import Line, api_client, require_address
from jobs.errors import InvalidInput
from jobs.signatures import secret_bytes, sign
from jobs.webhooks.body import event_body, webhook_id

Json = dict[str, Any]

FORWARD_TIMEOUT = httpx.Timeout(15, connect=5)


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
        api_client(api, key) as source,
        httpx.AsyncClient(timeout=FORWARD_TIMEOUT, trust_env=False) as target,
    ):
        try:
            await _follow(Line(source, query=query, place=after or ""), Forwarder(target, forward, secret))
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
    require_address("--forward", forward)
    require_address("--api", api)
    if secret:
        try:
            secret_bytes(secret)
        except ValueError as error:
            raise InvalidInput(f"--secret is not valid: {error}") from None
