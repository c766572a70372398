"""A stream of events of the REST API, for as long as it takes: a connection that is lost is taken up where it was."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from jobs.commands.sse import EventParser, ServerEvent
from jobs.errors import InvalidInput, PermanentError

# a stream pings every 15 seconds: one that is silent for longer than two pings is dead
STREAM_TIMEOUT = httpx.Timeout(10, read=35)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
# answers that no later attempt would change
FINAL = (400, 401, 403, 404, 405, 406, 422)


def api_client(api: str, key: str) -> httpx.AsyncClient:
    """Carries the key. Raises InvalidInput when `api` is no address."""
    require_address("--api", api)
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=api, headers=headers, timeout=STREAM_TIMEOUT, trust_env=False)


@dataclass
class Line:
    """The connection to the stream at `path`. `place`: the last event that was dealt with, in any connection."""

    http: httpx.AsyncClient
    path: str = "/v1/events"
    query: dict[str, str] = field(default_factory=dict)
    place: str = ""
    pause: float = field(default_factory=lambda: FIRST_PAUSE)
    say: Callable[[str], Any] = field(default=lambda words: print(f"-- {words}", flush=True))

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
                self.say(f"the API is away ({type(error).__name__}); trying again in {self.pause:g} s")
            await asyncio.sleep(self.pause)
            self.pause = min(self.pause * 2, LONGEST_PAUSE)

    async def _connection(self) -> AsyncGenerator[ServerEvent, None]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.place} if self.place else {})
        async with self.http.stream("GET", self.path, params=self.query, headers=headers) as response:
            if response.status_code in FINAL:
                await response.aread()
                raise refused(response)
            response.raise_for_status()
            parser = EventParser(self.place)
            self.pause = FIRST_PAUSE
            async for chunk in response.aiter_bytes():
                for event in parser.feed(chunk):
                    yield event
            if parser.retry_ms:
                self.pause = parser.retry_ms / 1000


def refused(response: httpx.Response) -> PermanentError:
    """What the API says about it."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"it answers {response.status_code}. Is this the address of the REST API?"
    return PermanentError(f"The API at {response.url.copy_with(query=None)} refuses: {detail}")


def require_address(option: str, address: str) -> None:
    """Raises InvalidInput with a sentence on what to give instead."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput(f"{option} {address} is not an address. It reads http://localhost:3000/hook")
