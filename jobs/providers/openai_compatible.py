"""Any server that speaks OpenAI's chat completions: Venice, llama.cpp, vLLM and the rest."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import httpx

from jobs.errors import ContentBlocked, Misconfigured, PermanentError, PostgenError, TemporaryError
from jobs.providers.chat_model import ChatMessage, Completion
from jobs.storable import storable

CONNECT_SECONDS = 5
LONGEST_WAIT = 300


class OpenAICompatible:
    """`base_url` ends in /v1; `timeout` bounds a whole call in seconds, however slowly the answer trickles in."""

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, api_key: str, model: str, context_tokens: int, timeout: float
    ) -> None:
        self.client = client
        self.url = f"{base_url.rstrip('/')}/chat/completions"
        self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.model = model
        self.context_tokens = context_tokens
        self.timeout = timeout

    async def complete(self, system_prompt: str, messages: Sequence[ChatMessage], *, max_tokens: int) -> Completion:
        chat = [{"role": "system", "content": system_prompt}]
        chat += [{"role": message.role, "content": message.content} for message in messages]
        body: dict[str, Any] = {"model": self.model, "messages": chat, "max_tokens": max_tokens, "temperature": 0.8}
        if "venice.ai" in self.url:
            # Venice puts its own system prompt before ours unless told not to; other servers refuse unknown keys
            body["venice_parameters"] = {"include_venice_system_prompt": False}
        response = await self._post(body)
        if response.is_error:
            raise _failure(response)
        return _completion(response)

    async def _post(self, body: dict[str, Any]) -> httpx.Response:
        try:
            async with asyncio.timeout(self.timeout):
                timeout = httpx.Timeout(self.timeout, connect=CONNECT_SECONDS)
                return await self.client.post(self.url, json=body, headers=self.headers, timeout=timeout)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeEncodeError):
            detail = "VENICE_BASE_URL is not an address such as https://host/v1, or VENICE_API_KEY is not a key."
            raise Misconfigured(detail) from None
        except (TimeoutError, httpx.TimeoutException):
            raise TemporaryError("The language model did not answer in time.", code="llm_timeout") from None
        except httpx.HTTPError as error:
            reason = type(error).__name__
            raise TemporaryError(f"The language model cannot be reached ({reason}).", code="llm_unreachable") from None


def _completion(response: httpx.Response) -> Completion:
    try:
        answer = response.json()
        text = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        counted = {key: usage[key] for key in ("prompt_tokens", "completion_tokens") if isinstance(usage.get(key), int)}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise TemporaryError("The language model answered with something unreadable.", code="llm_unreadable") from None
    return Completion(storable(text) if isinstance(text, str) else "", counted)


def _failure(response: httpx.Response) -> PostgenError:
    status, words = response.status_code, _words(response)
    if status in (401, 403):
        return Misconfigured(f"The language model refuses our key ({status}). Check VENICE_API_KEY.")
    if status == 402:
        return PermanentError("The language model's account has no balance left.", code="llm_quota", blame="platform")
    if status == 404:
        return Misconfigured(f"The language model or its address does not exist ({words}). Check VENICE_MODEL.")
    if status == 422 and "CONTENT" in words.upper():
        return ContentBlocked("The language model refused this content.")
    if status in (408, 429) or status >= 500:
        return TemporaryError(f"The language model is overloaded or down ({status}).", retry_in=_retry_in(response))
    return PermanentError(f"The language model refused the request ({status}: {words}).", code="llm_rejected")


def _words(response: httpx.Response) -> str:
    """The reason in any of the shapes in use: {"error": "…"}, {"error": {"message", "code"}}, {"error", "details"}."""
    try:
        error = response.json().get("error")
    except (json.JSONDecodeError, AttributeError, UnicodeDecodeError):
        return "no reason given"
    if isinstance(error, dict):
        error = " ".join(str(error[key]) for key in ("code", "message") if error.get(key))
    return str(error)[:200] if error else "no reason given"


def _retry_in(response: httpx.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return min(float(value), LONGEST_WAIT) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) else None
