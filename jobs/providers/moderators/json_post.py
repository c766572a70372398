"""One POST of JSON to a moderator, bounded in time and size; failures as words."""

import asyncio
import json
from typing import Any

import httpx

from jobs.providers.llm_failures import (
    LlmFailure,
    Overloaded,
    RateLimited,
    TimedOut,
    Unreachable,
    Unreadable,
    WronglySetUp,
)
from jobs.providers.rate_limits import retry_in

LARGEST_ANSWER = 1_000_000
CONNECT_SECONDS = 5


async def post(client: httpx.AsyncClient, url: str, body: dict[str, Any], *, key: str, timeout: float) -> Any:
    """What it answers. Raises LlmFailure."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = httpx.Timeout(timeout, connect=CONNECT_SECONDS)
    try:
        async with (
            asyncio.timeout(timeout),
            client.stream("POST", url, json=body, headers=headers, timeout=limits, follow_redirects=False) as answer,
        ):
            if not answer.is_success:
                raise _refusal(answer)
            return json.loads(await _bounded(answer))
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeEncodeError):
        raise WronglySetUp("MODERATOR_URL is not an address such as https://host/v1.") from None
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Unreachable(f"The moderator cannot be reached ({type(error).__name__}). Check MODERATOR_URL.") from None
    except (TimeoutError, httpx.TimeoutException):
        raise TimedOut(f"The moderator did not answer within {timeout:.0f} s.") from None
    except httpx.HTTPError as error:
        raise Unreachable(f"The connection to the moderator broke off ({type(error).__name__}).") from None
    except (ValueError, RecursionError):
        raise unreadable() from None


def unreadable() -> LlmFailure:
    return Unreadable("The moderator answered with something unreadable.")


def _refusal(answer: httpx.Response) -> LlmFailure:
    status = answer.status_code
    failure: LlmFailure
    if status in (401, 403):
        failure = WronglySetUp(f"The moderator refuses our key ({status}). Check MODERATOR_KEY.")
    elif status == 429:
        failure = RateLimited("The moderator takes no more calls for now (429).", retry_in=retry_in(answer.headers))
    elif status >= 500 or status in (408, 425):
        failure = Overloaded(f"The moderator is overloaded or down ({status}).", retry_in=retry_in(answer.headers))
    else:
        words = f"The moderator refused the request ({status}). Check MODERATOR_URL and MODERATOR_MODEL."
        failure = WronglySetUp(words)
    failure.status = status
    return failure


async def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise unreadable()
    return bytes(body)
