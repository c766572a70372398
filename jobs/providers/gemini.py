"""Google's Gemini: generateContent, and its stream; blocks that come as an answer, quotas that end a day."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from jobs.providers.answer_so_far import AnswerSoFar
from jobs.providers.http_chat_model import HttpChatModel, Request
from jobs.providers.llm_failures import (
    LlmFailure,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    Rejected,
    WronglySetUp,
    blocked,
    redacted,
    refusal,
)
from jobs.providers.prompt import Prompt
from jobs.providers.rate_limits import LONGEST_WAIT, seconds_until
from jobs.providers.schema import as_words, gemini_schema

Json = dict[str, Any]

SETTINGS = {"key": "GEMINI_API_KEY", "address": "GEMINI_BASE_URL", "model": "GEMINI_MODEL"}
# days end at midnight on the Pacific coast: in winter at this hour of UTC, in summer one earlier
HOUR_OF_NEW_DAY = 8
PER_DAY = re.compile(r"per_?day|daily", re.IGNORECASE)
RETRY_WORDS = re.compile(r"retry in ((?:[0-9.]+(?:ms|[hms]))+)")
# ends of an answer that are a refusal; every other one that is unknown is an end like STOP
BLOCKING = {
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "NO_IMAGE",
}  # fmt: skip
BADLY_MADE = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"}


class Gemini(HttpChatModel[bool]):
    """`base_url` without the version. The way: whether the schema goes into the request, or into the words."""

    provider = "gemini"
    settings = SETTINGS

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, version: str, api_key: str, model: str,
        context_tokens: int, timeout: float, window_tokens: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            client, model=model, context_tokens=context_tokens, timeout=timeout, window_tokens=window_tokens,
            secret=api_key,
        )  # fmt: skip
        self.url = f"{base_url.rstrip('/')}/{version}/models/{model.removeprefix('models/')}"
        # in a header: an address ends up in logs
        self.headers = {"x-goog-api-key": api_key}
        self.takes_schema = True

    async def probe(self) -> None:
        await self._get_or_post(Request(self.url, None, self.headers), self.timeout)

    async def _first_way(self, prompt: Prompt) -> bool:
        return self.takes_schema

    def _worked(self, way: bool) -> None:
        self.takes_schema = way

    def _next_way(self, prompt: Prompt, way: bool, failure: LlmFailure) -> bool | None:
        schema_refused = prompt.schema is not None and way and isinstance(failure, Rejected)
        return False if schema_refused else None

    def _request(self, prompt: Prompt, way: bool, *, stream: bool) -> Request:
        system = prompt.system
        settings: Json = {"maxOutputTokens": self._limit(prompt)}
        if prompt.temperature is not None:
            settings["temperature"] = prompt.temperature
        if prompt.schema is not None:
            settings["responseMimeType"] = "application/json"
            if way:
                settings["responseJsonSchema"] = gemini_schema(prompt.schema)
            else:
                system = f"{system}\n\n{as_words(prompt.schema)}"
        body: Json = {"contents": _contents(prompt), "generationConfig": settings}
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        call = ":streamGenerateContent?alt=sse" if stream else ":generateContent"
        return Request(self.url + call, body, self.headers)

    def _reading(self, prompt: Prompt, way: bool) -> AnswerSoFar:
        return _Content(self.who)

    def _refusal(self, status: int, body: str, headers: Mapping[str, str]) -> LlmFailure:
        return _refused(_error_in(body), status, headers, self.who)


class _Content(AnswerSoFar):
    def __init__(self, who: str) -> None:
        super().__init__()
        self.who = who

    def take(self, payload: Json) -> str:
        if error := payload.get("error"):
            raise _refused(error, int(error.get("code") or 500), {}, self.who)
        self.model = str(payload.get("modelVersion") or self.model)
        self.request_id = str(payload.get("responseId") or self.request_id)
        self._count(payload.get("usageMetadata") or {})
        if reason := (payload.get("promptFeedback") or {}).get("blockReason"):
            raise blocked(self.who, str(reason))
        if not payload.get("candidates"):
            return ""  # a piece of a stream that only counts
        candidate = payload["candidates"][0]
        self._ends(candidate.get("finishReason"))
        parts = (candidate.get("content") or {}).get("parts") or []
        return self.add("".join(part.get("text", "") for part in parts if not part.get("thought")))

    def end(self) -> None:
        if not self.ended:
            raise ValueError("an answer without a candidate, or cut off")

    def _ends(self, reason: Any) -> None:
        if reason in BLOCKING:
            raise blocked(self.who, reason)
        if reason in BADLY_MADE:
            raise ValueError(reason)
        self.ended = self.ended or bool(reason)
        if reason == "MAX_TOKENS":
            self.finish = "length"

    def _count(self, usage: Json) -> None:
        self.count("prompt_tokens", usage.get("promptTokenCount"))
        self.count("completion_tokens", usage.get("candidatesTokenCount"))
        self.count("thought_tokens", usage.get("thoughtsTokenCount"))


def _contents(prompt: Prompt) -> list[Json]:
    """Roles take turns: messages of one side that follow each other become parts of one."""
    contents: list[Json] = []
    for message in prompt.messages:
        role = "model" if message.role == "assistant" else "user"
        if not contents or contents[-1]["role"] != role:
            contents.append({"role": role, "parts": []})
        contents[-1]["parts"].append({"text": message.content})
    return contents


def _error_in(body: str) -> Json:
    """Sometimes it is wrapped in a list."""
    try:
        answer = json.loads(body)
        error = (answer[0] if isinstance(answer, list) else answer)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return error if isinstance(error, dict) else {"message": str(error)}


def _refused(error: Json, status: int, headers: Mapping[str, str], who: str) -> LlmFailure:
    words, details = str(error.get("message") or ""), _details(error)
    if status == 429:
        failure: LlmFailure = _too_many(words, details, who)
    elif status == 400 and any(each.get("reason") == "API_KEY_INVALID" for each in details):
        failure = WronglySetUp(f"{who} refuses our key (400). Check {SETTINGS['key']}.")
    elif status == 400 and error.get("status") == "FAILED_PRECONDITION":
        # no billing, or a country where it is not offered
        failure = WronglySetUp(f"{who} does not serve our account ({redacted(words)}). Check {SETTINGS['key']}.")
    elif status == 499:
        failure = Overloaded(f"{who} gave up ({status}).")
    else:
        failure = refusal(status, words, headers, name="gemini", settings=SETTINGS)
    failure.status = status
    return failure


def _too_many(words: str, details: list[Json], who: str) -> LlmFailure:
    wait = _retry_delay(words, details)
    ids = [str(each.get("quotaId", "")) for detail in details for each in detail.get("violations") or ()]
    if any(PER_DAY.search(quota) for quota in ids) or (wait or 0) > LONGEST_WAIT:
        exhausted = QuotaExhausted(f"{who}: the quota of our account is used up.", blame="platform")
        exhausted.resets_in = _until_new_day(datetime.now(UTC)) if ids or wait is None else wait
        return exhausted
    return RateLimited(f"{who} takes no more calls for now (429).", retry_in=wait)


def _retry_delay(words: str, details: list[Json]) -> float | None:
    told = [str(each["retryDelay"]) for each in details if each.get("retryDelay")] or RETRY_WORDS.findall(words)
    return seconds_until(told[0]) if told else None


def _details(error: Json) -> list[Json]:
    details = error.get("details")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _until_new_day(now: datetime) -> float:
    new_day = now.replace(hour=HOUR_OF_NEW_DAY, minute=0, second=0, microsecond=0)
    return (new_day - now).total_seconds() if new_day > now else (new_day + timedelta(days=1) - now).total_seconds()
