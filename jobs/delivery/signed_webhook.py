"""Sends one attempt of a webhook to an address that a stranger gave, and says in words what came of it."""

import asyncio
import email.utils
import ssl
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import httpcore
import httpx
import structlog

from jobs.delivery.public_addresses import AddressRefused, NameNotResolved, PublicAddresses

log = structlog.get_logger()

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
MOST_READ = 64 * 1024
MOST_KEPT = 4 * 1024
LONGEST_RETRY_AFTER = 24 * 3600.0
# a pool looks at each of its connections for each request; few in each of several pools are looked at quickly
POOLS = 16
IDLE_EACH = 20
IDLE_SECONDS = 10.0
USER_AGENT = "Postgen-Webhooks/1"


@dataclass(frozen=True)
class Trouble:
    """`code` is stable: timeout, connection, dns, tls, refused_address, protocol, url, redirect, gone, http,
    internal_error."""

    code: str
    detail: str


@dataclass(frozen=True)
class Attempt:
    """What is known of one attempt. Without `trouble` it arrived. `retry_after`: seconds that the receiver asks for."""

    trouble: Trouble | None
    latency_ms: int
    status_code: int | None = None
    answer: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: dict[str, str]
    text: str


class SignedWebhook:
    """Follows no redirect, keeps no cookie, reads no proxy from the environment. Close it at the end."""

    def __init__(self, *, allow_private: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.allow_private = allow_private
        self.network = PublicAddresses(allow_private=allow_private)
        context = tls or httpx.create_ssl_context(trust_env=False)
        self.pools = [
            httpcore.AsyncConnectionPool(
                ssl_context=context, max_connections=None, max_keepalive_connections=IDLE_EACH,
                keepalive_expiry=IDLE_SECONDS, network_backend=self.network,
            )
            for _ in range(POOLS)
        ]  # fmt: skip

    async def send(self, url: str, body: bytes, headers: Mapping[str, str], *, total: float = TOTAL_SECONDS) -> Attempt:
        """`total` seconds, whatever the receiver does. Never raises for what the receiver or the network did."""
        began = time.perf_counter()
        answer: _Answer | None = None
        try:
            answer = await self._answer(url, body, headers, asyncio.get_running_loop().time() + total)
            trouble = _judge(answer, url, len(body))
        except TimeoutError:
            trouble = Trouble("timeout", f"The receiver gave no answer within {total:.0f} s.")
        except (NameNotResolved, AddressRefused, httpx.InvalidURL, UnicodeError, ValueError) as error:
            trouble = _explain_target(error)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            trouble = _explain_network(error)
        except Exception:
            # whatever it is, the attempt has come to its end and must count as one
            log.exception("sending a webhook went wrong")
            trouble = Trouble("internal_error", "Something went wrong on our side. It is not the receiver's fault.")
        return Attempt(
            trouble,
            latency_ms=round((time.perf_counter() - began) * 1000),
            status_code=answer.status if answer else None,
            answer=answer.text if answer else None,
            retry_after=_retry_after(answer) if answer else None,
        )

    async def aclose(self) -> None:
        for pool in self.pools:
            await pool.aclose()
        self.network.close()

    async def _answer(self, url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> _Answer:
        target = httpx.URL(url)
        if target.scheme != "https" and not (self.allow_private and target.scheme == "http"):
            raise AddressRefused("A webhook goes to an address that begins with https://.")
        address = httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path)
        pool = self.pools[hash((target.raw_host, target.port)) % POOLS]
        sent = {"content-type": "application/json", "user-agent": USER_AGENT, "accept": "*/*", **headers}
        timeouts = {"connect": CONNECT_SECONDS}
        async with AsyncExitStack() as opened:
            posting = pool.stream(
                "POST", address, headers=list(sent.items()), content=body, extensions={"timeout": timeouts}
            )
            async with asyncio.timeout_at(deadline):
                response = await opened.enter_async_context(posting)
            received = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return _Answer(response.status, received, await _beginning(response, deadline))


async def _beginning(response: httpcore.Response, deadline: float) -> str:
    """The first part of the body. The status has told already what came of it: trouble here changes nothing."""
    read = bytearray()
    try:
        async with asyncio.timeout_at(deadline):
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) >= MOST_READ:
                    break
    except (TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    # PostgreSQL stores no zero byte
    return bytes(read[:MOST_KEPT]).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _judge(answer: _Answer, url: str, size: int) -> Trouble | None:
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        target = answer.headers.get("location", "")[:500].replace("\0", "")
        where = f" and points to {target}" if target else ""
        return Trouble(
            "redirect",
            f"The receiver answered {status}{where}. Redirects are not followed: register the address that it leads"
            f" to instead of {url}.",
        )
    if status == 410:
        return Trouble("gone", "The receiver answered 410 Gone, so the endpoint is disabled. Enable it to go on.")
    if status == 413:
        return Trouble(
            "http", f"The receiver answered 413: {size} bytes are too large for it. Set the endpoint's payload to thin."
        )
    return Trouble("http", f"The receiver answered {status}. Only an answer from 200 to 299 says that it arrived.")


def _explain_target(error: Exception) -> Trouble:
    if isinstance(error, NameNotResolved):
        return Trouble(
            "dns",
            f"The name in the URL could not be looked up ({error}). This does not mean that your URL is wrong: name"
            " servers fail at times, and the next attempt asks again.",
        )
    if isinstance(error, AddressRefused):
        return Trouble("refused_address", str(error))
    return Trouble("url", "The URL is none that a request could be sent to.")


def _explain_network(error: Exception) -> Trouble:
    if isinstance(error, httpcore.ConnectTimeout):
        return Trouble("timeout", f"No connection came about within {CONNECT_SECONDS:.0f} s.")
    if isinstance(error, httpcore.TimeoutException):
        return Trouble("timeout", "The receiver stopped answering.")
    system = _system_error(error)
    if isinstance(system, ssl.SSLCertVerificationError):
        return Trouble("tls", f"The receiver's certificate is not valid: {system.verify_message}.")
    if isinstance(system, ssl.SSLError):
        return Trouble("tls", f"TLS with the receiver failed ({system.reason or 'no reason given'}).")
    if isinstance(error, httpcore.ProtocolError):
        return Trouble("protocol", "What answered does not speak HTTP, or hung up before its answer was complete.")
    words = system.strerror if system else None
    return Trouble("connection", f"The receiver cannot be reached ({words or type(error).__name__}).")


def _system_error(error: BaseException) -> OSError | None:
    """What the system said, from whatever it was wrapped in."""
    inner: BaseException | None = error
    while inner is not None and not (isinstance(inner, OSError) and inner.strerror):
        inner = inner.__cause__ or inner.__context__
    return inner


def _retry_after(answer: _Answer) -> float | None:
    """Seconds, bounded; both forms of the header are read. Only 429 and 503 may ask for a wait."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in (429, 503) or not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_RETRY_AFTER)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (aware - datetime.now(UTC)).total_seconds()), LONGEST_RETRY_AFTER)
