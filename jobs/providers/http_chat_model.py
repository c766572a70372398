"""A call of a language model over HTTP, whatever its wire: one deadline, bounded answers, errors as words."""

import asyncio
import json
from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import httpx

from jobs.providers.answer_so_far import AnswerSoFar
from jobs.providers.bounded_body import bounded_body
from jobs.providers.chat_model import ChatModel
from jobs.providers.completion import Completion, usage_sum
from jobs.providers.llm_failures import (
    ContextOverflow,
    LlmFailure,
    TimedOut,
    Unreachable,
    Unreadable,
    WronglySetUp,
    refusal,
    request_id,
)
from jobs.providers.prompt import Prompt, Turn
from jobs.providers.rate_limits import rate_limits
from jobs.providers.sse_lines import EventData, Lines, TooLong
from jobs.providers.token_estimate import least_tokens

CONNECT_SECONDS = 5
WRITE_SECONDS = 30
LARGEST_ANSWER = 8_000_000
LARGEST_REFUSAL = 100_000
# around each word of a stream there is more than the word
FRAMING = 4
DONE = b"[DONE]"
SHORTEST_SECRET = 8
# tokens beside those of the answer
THINKING_ROOM = 4096
# a prompt shorter than this fits everywhere, whatever a server counts
WORTH_COUNTING = 1500

Json = dict[str, Any]
Way = TypeVar("Way")


@dataclass(frozen=True)
class Request:
    url: str
    body: Json | None
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpChatModel(ChatModel, Generic[Way]):
    """A wire says how to ask and how to read. Its `Way` is what it varies where a server refuses the first form.

    `timeout` bounds a whole call in seconds, however slowly the answer trickles in. `window_tokens`: what the model
    holds, prompt and answer together, where that is known.
    """

    provider: str
    # the settings to look at: of the key, the address and the model
    settings: Mapping[str, str]

    def __init__(
        self, client: httpx.AsyncClient, *, model: str, context_tokens: int, timeout: float,
        window_tokens: int | None = None, secret: str = "",
    ) -> None:  # fmt: skip
        self.client = client
        self.model = model
        self.context_tokens = context_tokens
        self.timeout = timeout
        self.window_tokens = window_tokens
        self.secret = secret
        self.thinking_room = 0

    @abstractmethod
    async def _first_way(self, prompt: Prompt) -> Way: ...

    @abstractmethod
    def _next_way(self, prompt: Prompt, way: Way, failure: LlmFailure) -> Way | None:
        """What to try after a refusal; None: there is nothing else."""

    @abstractmethod
    def _worked(self, way: Way) -> None:
        """So that the next call begins with it."""

    @abstractmethod
    def _request(self, prompt: Prompt, way: Way, *, stream: bool) -> Request: ...

    @abstractmethod
    def _reading(self, prompt: Prompt, way: Way) -> AnswerSoFar: ...

    @property
    def who(self) -> str:
        return f"The language model ({self.provider})"

    async def answer(self, prompt: Prompt) -> Completion:
        """A model that thinks may have thought until its limit: it is asked once more, with room for that from now on.

        `pieces` profits from what was learnt here; what it sent cannot be taken back.
        """
        had_room = bool(self.thinking_room)
        first = await self._answered(prompt)
        if first.text or first.finish != "length" or had_room:
            return first
        self.thinking_room = THINKING_ROOM
        second = await self._answered(prompt)
        usage, calls = usage_sum(first.usage, second.usage), first.calls + second.calls
        return replace(second, usage=usage, calls=calls)

    async def _answered(self, prompt: Prompt) -> Completion:
        self._require_room(prompt)
        with self._in_words():
            async with asyncio.timeout(self._seconds(prompt)), AsyncExitStack() as stack:
                opened = await self._opened(stack, prompt, stream=False)
                body = await bounded_body(opened.response, LARGEST_ANSWER)
        with self._readable(opened):
            opened.reading.take(_json_object(body))
            opened.reading.end()
            return self._completion(prompt, opened)

    async def pieces(self, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        self._require_room(prompt)
        deadline = asyncio.get_running_loop().time() + self._seconds(prompt)
        with self._in_words():
            async with AsyncExitStack() as stack:
                # a time-out around a `yield` would fire in the reader's own code
                async with asyncio.timeout_at(deadline):
                    opened = await self._opened(stack, prompt, stream=True)
                payloads = await stack.enter_async_context(aclosing(self._payloads(opened.response, deadline)))
                async for payload in payloads:
                    with self._readable(opened):
                        piece = opened.reading.take(_json_object(payload))
                    if piece:
                        yield piece
        with self._readable(opened):
            opened.reading.end()
            if not opened.reading.ended:
                raise Unreachable(f"{self.who} broke off in the middle of its answer.")
            done = self._completion(prompt, opened)
        yield done

    async def probe(self) -> None:
        await self._answered(Prompt("", [Turn("user", "Hi")], 1))

    async def _get_or_post(self, request: Request, timeout: float) -> Json:
        """A small request beside the answers. Raises as `answer` does."""
        with self._in_words():
            async with asyncio.timeout(timeout), AsyncExitStack() as stack:
                response = await self._sent(stack, request)
                if not response.is_success:
                    raise await self._refused(response)
                body = await bounded_body(response, LARGEST_ANSWER)
        with self._readable():
            return _json_object(body)

    async def _opened(self, stack: AsyncExitStack, prompt: Prompt, *, stream: bool) -> "_Opened":
        way = await self._first_way(prompt)
        calls = 1
        while True:
            response = await self._sent(stack, self._request(prompt, way, stream=stream))
            if response.is_success:
                self._worked(way)
                return _Opened(response, self._reading(prompt, way), calls)
            failure = await self._refused(response)
            await response.aclose()
            another = self._next_way(prompt, way, failure)
            if another is None:
                raise failure
            way, calls = another, calls + 1

    async def _sent(self, stack: AsyncExitStack, request: Request) -> httpx.Response:
        timeout = httpx.Timeout(self.timeout, connect=CONNECT_SECONDS, write=WRITE_SECONDS)
        method = "GET" if request.body is None else "POST"
        content = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Content-Type": "application/json", **request.headers}
        return await stack.enter_async_context(
            self.client.stream(
                method, request.url, content=content, headers=headers, timeout=timeout, follow_redirects=False
            )
        )

    async def _payloads(self, response: httpx.Response, deadline: float) -> AsyncGenerator[bytes, None]:
        lines, events = Lines(), EventData()
        framed = "event-stream" in response.headers.get("content-type", "")
        chunks, received = response.aiter_bytes(), 0
        while True:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks, None)
            received += len(chunk or b"")
            if received > LARGEST_ANSWER * FRAMING:
                raise TooLong
            found = lines.feed(chunk) if chunk is not None else lines.close()
            if framed:
                found = events.feed(found) + (events.close() if chunk is None else [])
            for payload in found:
                if payload.strip() == DONE:
                    return
                if payload.strip():
                    yield payload
            if chunk is None:
                return

    async def _refused(self, response: httpx.Response) -> LlmFailure:
        body = await bounded_body(response, LARGEST_REFUSAL, cut=True)
        failure = self._refusal(response.status_code, self._without_secret(body), response.headers)
        failure.status = response.status_code
        failure.request_id, failure.rate = request_id(response.headers), rate_limits(response.headers)
        return failure

    def _refusal(self, status: int, body: str, headers: Mapping[str, str]) -> LlmFailure:
        return refusal(status, self._words(body), headers, name=self.provider, settings=self.settings)

    def _words(self, body: str) -> str:
        """The reason that a refusal gives."""
        return reason_in(body)

    def _without_secret(self, body: bytes) -> str:
        text = body.decode("utf-8", "replace")
        # a short one is no secret, and may be a part of any word
        return text.replace(self.secret, "…") if len(self.secret) >= SHORTEST_SECRET else text

    def _require_room(self, prompt: Prompt) -> None:
        """Nothing is sent that cannot fit, by a count that is certain."""
        least = least_tokens(prompt) + prompt.max_tokens
        if self.window_tokens is not None and least > self.window_tokens:
            raise ContextOverflow(
                f"The text is too long for the language model: at least {least} tokens with the answer, where"
                f" {self.model} holds {self.window_tokens}."
            )

    def _completion(self, prompt: Prompt, opened: "_Opened") -> Completion:
        headers = opened.response.headers
        done = opened.reading.completion(request_id=request_id(headers), rate=rate_limits(headers), calls=opened.calls)
        shown, least = done.usage.get("prompt_tokens"), least_tokens(prompt)
        if shown is not None and least > WORTH_COUNTING and shown < least:
            self._was_cut(shown, least)
        return done

    def _was_cut(self, shown: int, least: int) -> None:
        """The provider counted fewer tokens than there were words."""
        failure = ContextOverflow(
            f"{self.who} left out a part of the text: it read {shown} tokens of at least {least}."
            " Give the model a larger context, or send less."
        )
        failure.prompt_tokens = least
        raise failure

    def _limit(self, prompt: Prompt) -> int:
        return prompt.max_tokens + self.thinking_room

    def _seconds(self, prompt: Prompt) -> float:
        return self.timeout if prompt.timeout is None else min(self.timeout, prompt.timeout)

    def _not_there(self, reason: str) -> LlmFailure:
        return Unreachable(f"{self.who} cannot be reached ({reason}).")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeEncodeError):
            address, key = self.settings["address"], self.settings["key"]
            words = f"{address} is not an address such as https://host/v1, or {key} is not a key."
            raise WronglySetUp(words) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._not_there(type(error).__name__) from None
        except (TimeoutError, httpx.TimeoutException):
            raise TimedOut(f"{self.who} did not answer in time.") from None
        except httpx.DecodingError:
            raise Unreadable(f"{self.who} answered with something unreadable.") from None
        except httpx.HTTPError as error:
            raise Unreachable(f"The connection to the language model broke off ({type(error).__name__}).") from None
        except TooLong:
            raise Unreadable(f"{self.who} sent more than an answer can be.") from None

    @contextmanager
    def _readable(self, opened: "_Opened | None" = None) -> Iterator[None]:
        """What fails in here tells what the answer said of itself by then."""
        try:
            with self._translated():
                yield
        except LlmFailure as failure:
            if opened:
                failure.request_id = request_id(opened.response.headers) or opened.reading.request_id
                failure.usage = dict(opened.reading.usage)
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise Unreadable(f"{self.who} answered with something unreadable.") from None


@dataclass(frozen=True)
class _Opened:
    response: httpx.Response
    reading: AnswerSoFar
    calls: int


def reason_in(body: str) -> str:
    """In any of the shapes in use: {"error": "…"}, {"error": {"message", "code"}}, {"error", "details", "issues"}."""
    try:
        answer = json.loads(body)
        error = answer.get("error")
        issues = [f"{each.get('path')} {each.get('code')} {each.get('message')}" for each in answer.get("issues") or ()]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return ""
    if isinstance(error, dict):
        error = " ".join(str(error[key]) for key in ("code", "type", "message") if error.get(key))
    return " ".join([str(error) if error else "", *issues]).strip()


def _json_object(body: bytes) -> Json:
    payload = json.loads(body)
    if not isinstance(payload, dict):
        raise TypeError
    return payload
