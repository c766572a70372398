"""A request to a provider of pictures, and the fetching of one: one deadline, bounded answers, errors as words."""

import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit
from uuid import UUID

import httpx

from jobs.providers.bounded_body import bounded_body
from jobs.providers.image_failures import (
    ImageFailure,
    NotAPicture,
    OrderUnknown,
    Overloaded,
    TimedOut,
    Unreachable,
    Unreadable,
    WronglySetUp,
    refusal,
)
from jobs.providers.llm_failures import request_id
from jobs.providers.picture_bytes import LARGEST_PICTURE
from jobs.providers.sse_lines import TooLong

CONNECT_SECONDS = 5
WRITE_SECONDS = 30
FETCH_SECONDS = 60.0
LARGEST_REFUSAL = 100_000
# base64 needs four bytes for three, and there is more around it
LARGEST_ANSWER = LARGEST_PICTURE * 4 // 3 + 1_000_000
MOST_REDIRECTS = 3
SHORTEST_SECRET = 6
# a gateway that gave up waiting does not know what became of the order behind it
AMBIGUOUS = (502, 504)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Refused = Callable[[int, str, Mapping[str, str]], ImageFailure]


@dataclass(frozen=True)
class Asked:
    """`order_id`: the request places an order, which is nothing to do twice; then OrderUnknown is raised where nobody
    can tell whether it was taken.
    """

    method: str
    url: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    order_id: UUID | None = None


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    who: str

    @property
    def request_id(self) -> str:
        return request_id(self.headers)

    def json(self) -> Any:
        """Raises Unreadable."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unreadable(f"{self.who} answered with something unreadable.") from None


class ImageHttp:
    """`settings` names those of the `key`, the `address` and the `model`; `refused` knows a provider's own refusals."""

    def __init__(
        self, client: httpx.AsyncClient, *, name: str, settings: Mapping[str, str], secrets: Collection[str] = (),
        refused: Refused | None = None,
    ) -> None:  # fmt: skip
        self.client = client
        self.name = name
        self.settings = settings
        self.secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        self.refused = refused or self.refusal

    @property
    def who(self) -> str:
        return f"The image provider {self.name}"

    def refusal(self, status: int, words: str, headers: Mapping[str, str]) -> ImageFailure:
        return refusal(status, words, headers, name=self.name, settings=self.settings)

    async def ask(self, asked: Asked, seconds: float) -> Reply:
        """Raises what an answer other than 2xx means. No redirect is followed: our key is in the headers."""
        with self._in_words(asked.order_id):
            async with asyncio.timeout(seconds):
                async with self._sent(asked, seconds) as response:
                    if response.is_success:
                        body = await bounded_body(response, LARGEST_ANSWER)
                        return Reply(response.status_code, response.headers, body, self.who)
                    raise await self._failure(response, asked.order_id)

    async def fetch(self, url: str, *, hosts: Collection[str], headers: Mapping[str, str]) -> bytes:
        """The file behind an address that a provider named: from these hosts only, wherever redirects lead.

        `headers` go to these hosts too.
        """
        with self._in_words(None):
            async with asyncio.timeout(FETCH_SECONDS):
                for _ in range(MOST_REDIRECTS + 1):
                    self._require_allowed(url, hosts)
                    async with self._sent(Asked("GET", url, headers=headers), FETCH_SECONDS) as response:
                        if response.is_success:
                            return await bounded_body(response, LARGEST_PICTURE)
                        if not response.has_redirect_location:
                            raise self._gone(response)
                        before, url = url, urljoin(url, response.headers["location"])
                        if before.startswith("https:") and not url.startswith("https:"):
                            headers = {}  # a key is not sent in the clear
        raise NotAPicture(f"{self.who} named a picture that is behind more than {MOST_REDIRECTS} redirects.")

    def _sent(self, asked: Asked, seconds: float) -> Any:
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS, write=WRITE_SECONDS, pool=CONNECT_SECONDS)
        content = None if asked.body is None else json.dumps(asked.body, ensure_ascii=False).encode()
        headers = dict(asked.headers) if content is None else {"Content-Type": "application/json", **asked.headers}
        return self.client.stream(
            asked.method, asked.url, content=content, headers=headers, timeout=timeout, follow_redirects=False
        )

    async def _failure(self, response: httpx.Response, order_id: UUID | None) -> ImageFailure:
        body = (await bounded_body(response, LARGEST_REFUSAL, cut=True)).decode("utf-8", "replace")
        for secret in self.secrets:
            body = body.replace(secret, "…")
        failure = self.refused(response.status_code, body, response.headers)
        if order_id and response.status_code in AMBIGUOUS:
            failure = OrderUnknown(self.name, order_id)
        failure.status, failure.request_id = response.status_code, request_id(response.headers)
        return failure

    def _gone(self, response: httpx.Response) -> ImageFailure:
        """A file has no key and no model of its own that a status could be about."""
        words = f"{self.who} named a picture that cannot be fetched ({response.status_code})."
        failure = Overloaded(words) if response.status_code >= 500 else NotAPicture(words)
        failure.status = response.status_code
        return failure

    def _require_allowed(self, url: str, hosts: Collection[str]) -> None:
        try:
            parts = urlsplit(url)
            host, allowed = parts.hostname or "", parts.scheme in ("http", "https") and parts.username is None
        except ValueError:
            host, allowed = "", False
        if not allowed or not any(is_host(host, pattern) for pattern in hosts):
            words = f"{self.who} named a picture at {host or 'an address that is none'}, which is not allowed."
            raise WronglySetUp(f"{words} Check {self.settings.get('hosts', self.settings['address'])}.")

    @contextmanager
    def _in_words(self, order_id: UUID | None) -> Iterator[None]:
        try:
            yield
        except NOT_SENT as error:
            raise Unreachable(f"{self.who} cannot be reached ({type(error).__name__}).") from None
        except (TimeoutError, httpx.HTTPError, TooLong, httpx.InvalidURL) as error:
            if order_id:
                raise OrderUnknown(self.name, order_id) from None
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> ImageFailure:
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return TimedOut(f"{self.who} did not answer in time.")
        if isinstance(error, TooLong):
            return Unreadable(f"{self.who} sent more than an answer can be.")
        if isinstance(error, httpx.DecodingError | httpx.InvalidURL):
            return Unreadable(f"{self.who} answered with something unreadable.")
        return Unreachable(f"The connection to the image provider {self.name} broke off ({type(error).__name__}).")


def is_host(host: str, pattern: str) -> bool:
    """`*.example.com` means every name below example.com."""
    host, pattern = host.lower().rstrip("."), pattern.lower()
    return host.endswith(pattern[1:]) and host != pattern[2:] if pattern.startswith("*.") else host == pattern
