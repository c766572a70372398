"""Any server that speaks OpenAI's chat completions: Venice, llama.cpp, vLLM and the rest."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from jobs.providers.answer_so_far import AnswerSoFar
from jobs.providers.http_chat_model import HttpChatModel, Request
from jobs.providers.llm_failures import LlmFailure, Overloaded, Rejected, blocked, redacted, refusal
from jobs.providers.prompt import Prompt
from jobs.providers.schema import as_words, fits_strict, strict_schema

Json = dict[str, Any]

# how a server can be held to a form, best first
FORMS = ("json_schema", "json_object", "words")
SETTINGS = {"key": "VENICE_API_KEY", "address": "VENICE_BASE_URL", "model": "VENICE_MODEL"}


@dataclass(frozen=True)
class Dialect:
    """What this server and model understand, as far as refusals have taught us."""

    form: str = FORMS[0]
    limit: str = "max_tokens"
    takes_temperature: bool = True


def is_venice(base_url: str) -> bool:
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    return host == "venice.ai" or host.endswith(".venice.ai")


class OpenAICompatible(HttpChatModel[Dialect]):
    """`base_url` ends in /v1. What a server refuses is asked in another way, and that is remembered."""

    provider = "venice"
    settings = SETTINGS

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, api_key: str, model: str, context_tokens: int,
        timeout: float, window_tokens: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            client, model=model, context_tokens=context_tokens, timeout=timeout, window_tokens=window_tokens,
            secret=api_key,
        )  # fmt: skip
        self.url = f"{base_url.rstrip('/')}/chat/completions"
        self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self.is_venice = is_venice(base_url)
        self.dialect = Dialect()

    async def _first_way(self, prompt: Prompt) -> Dialect:
        return self.dialect

    def _worked(self, way: Dialect) -> None:
        self.dialect = way

    def _next_way(self, prompt: Prompt, way: Dialect, failure: LlmFailure) -> Dialect | None:
        if not isinstance(failure, Rejected) and failure.status != 501:
            return None
        words = failure.detail
        if "max_completion_tokens" in words and way.limit == "max_tokens":
            return replace(way, limit="max_completion_tokens")
        if "temperature" in words and way.takes_temperature:
            return replace(way, takes_temperature=False)
        if prompt.schema is not None and way.form != FORMS[-1]:
            # not every server says that it is the schema what it refuses
            return replace(way, form=FORMS[FORMS.index(way.form) + 1])
        return None

    def _request(self, prompt: Prompt, way: Dialect, *, stream: bool) -> Request:
        body: Json = {"model": self.model, "messages": _messages(prompt, way), way.limit: self._limit(prompt)}
        if prompt.temperature is not None and way.takes_temperature:
            body["temperature"] = prompt.temperature
        if prompt.schema is not None and way.form != "words":
            body["response_format"] = _response_format(prompt, way)
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if self.is_venice:
            # Venice puts its own system prompt before ours unless told not to; other servers refuse unknown keys
            body["venice_parameters"] = {"include_venice_system_prompt": False, "strip_thinking_response": True}
        return Request(self.url, body, self.headers)

    def _reading(self, prompt: Prompt, way: Dialect) -> AnswerSoFar:
        return _ChatCompletion(self.who)


class _ChatCompletion(AnswerSoFar):
    """Of `message` in a whole answer and of `delta` in a streamed one."""

    def __init__(self, who: str) -> None:
        super().__init__()
        self.who = who

    def take(self, payload: Json) -> str:
        if payload.get("error"):
            raise self._error(payload["error"])
        self.model = str(payload.get("model") or self.model)
        self.request_id = str(payload.get("id") or self.request_id)
        usage = payload.get("usage") or {}
        self.count("prompt_tokens", usage.get("prompt_tokens"))
        self.count("completion_tokens", usage.get("completion_tokens"))
        choices = payload["choices"]
        if not choices and self.ended:
            return ""  # the usage of a stream comes after its last choice
        choice = choices[0]
        said = choice["delta"] if "delta" in choice else choice["message"]
        self._ends(choice.get("finish_reason"), said)
        text = said.get("content")
        return self.add(text) if isinstance(text, str) else ""

    def _ends(self, reason: Any, said: Json) -> None:
        if reason == "content_filter" or said.get("refusal"):
            raise blocked(self.who, "")
        self.ended = self.ended or bool(reason)
        if reason == "length":
            self.finish = "length"

    def end(self) -> None:
        pass  # a whole answer need not say why it ends; of a stream that is asked elsewhere

    def _error(self, error: Any) -> LlmFailure:
        """In the middle of a stream that began well."""
        status = error.get("code") if isinstance(error, dict) else None
        words = str(error.get("message") if isinstance(error, dict) else error)
        if isinstance(status, int) and 400 <= status < 600:
            return refusal(status, words, {}, name="venice", settings=SETTINGS)
        return Overloaded(f"{self.who} failed in the middle of its answer ({redacted(words)}).")


def _messages(prompt: Prompt, way: Dialect) -> list[Json]:
    system = prompt.system
    if prompt.schema is not None and way.form != "json_schema":
        system = f"{system}\n\n{as_words(prompt.schema)}"
    chat = [{"role": "system", "content": system}] if system else []
    return chat + [{"role": message.role, "content": message.content} for message in prompt.messages]


def _response_format(prompt: Prompt, way: Dialect) -> Json:
    assert prompt.schema is not None, "only a prompt with a schema has a form"
    if way.form == "json_object":
        return {"type": "json_object"}
    strict = fits_strict(prompt.schema)
    schema = strict_schema(prompt.schema) if strict else prompt.schema.model_json_schema()
    return {"type": "json_schema", "json_schema": {"name": prompt.schema.__name__, "strict": strict, "schema": schema}}
