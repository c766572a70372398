"""Ollama's own wire: room for the whole prompt is asked for and checked, and loading a model is counted apart."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from jobs.providers.answer_so_far import AnswerSoFar
from jobs.providers.http_chat_model import HttpChatModel, Request, reason_in
from jobs.providers.llm_failures import (
    ContextOverflow,
    LlmFailure,
    ModelMissing,
    Overloaded,
    Rejected,
    Unreachable,
    WronglySetUp,
    redacted,
    refusal,
)
from jobs.providers.prompt import Prompt
from jobs.providers.schema import as_words, grammar_schema
from jobs.providers.token_estimate import most_tokens

Json = dict[str, Any]

SETTINGS = {"key": "OLLAMA_URL", "address": "OLLAMA_URL", "model": "OLLAMA_MODEL"}
SMALLEST_WINDOW = 4096
LOOK_SECONDS = 10
# from this version on it refuses what does not fit, when it is told to
REFUSES_OVERFLOW = (0, 12, 6)
OVERFLOW = re.compile(r"exceeds the (available )?context|exceed_context_size", re.IGNORECASE)
COUNTED = re.compile(r"n_prompt_tokens\W+([0-9]+)|request \(([0-9]+) tokens\)")
NANOSECONDS = 1e9
# models that are asked for by name, and remembered
MOST_OTHERS = 8
# an answer that fills its context may be counted a token beyond it
MISCOUNT = 8


@dataclass(frozen=True)
class Form:
    """`window`: the context of the call (`num_ctx`). `schema`: whether the server makes a grammar of it itself."""

    window: int
    schema: bool = True


class Ollama(HttpChatModel[Form]):
    """`window_tokens`: the largest context to ask for.

    Another context makes Ollama load the model anew, so it grows in doublings and does not shrink.
    """

    provider = "ollama"
    settings = SETTINGS

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, model: str, context_tokens: int, timeout: float,
        window_tokens: int, keep_alive: str = "10m",
    ) -> None:  # fmt: skip
        super().__init__(
            client, model=model, context_tokens=context_tokens, timeout=timeout, window_tokens=window_tokens
        )
        self.base_url = base_url.rstrip("/")
        self.keep_alive = keep_alive
        self.largest_window = self.allowed_window = window_tokens
        self.form = Form(min(SMALLEST_WINDOW, window_tokens))
        self.version: tuple[int, ...] | None = None
        self._looking = asyncio.Lock()
        self._others: dict[str, Ollama] = {}

    @property
    def place(self) -> str:
        """The address without a password."""
        return re.sub(r"//[^/@]*@", "//", self.base_url)

    async def probe(self) -> None:
        """Loads nothing."""
        await self._get_or_post(Request(f"{self.base_url}/api/show", {"model": self.model}), LOOK_SECONDS)

    async def window(self) -> int:
        """Loads nothing, and finds out at once whether Ollama is there and has the model."""
        await self.probe()
        await self._look_at_model()
        return self.largest_window

    def named(self, model: str) -> "Ollama":
        """The same one each time: a context that changes from call to call would make Ollama load it anew."""
        if model not in self._others:
            if len(self._others) >= MOST_OTHERS:
                del self._others[next(iter(self._others))]
            self._others[model] = Ollama(
                self.client, base_url=self.base_url, model=model, context_tokens=self.context_tokens,
                timeout=self.timeout, window_tokens=self.allowed_window, keep_alive=self.keep_alive,
            )  # fmt: skip
        return self._others[model]

    async def _first_way(self, prompt: Prompt) -> Form:
        await self._look_at_model()
        self._require_room(prompt)
        need = self._window_for(most_tokens(prompt) + self._limit(prompt))
        return replace(self.form, window=max(self.form.window, need))

    def _worked(self, way: Form) -> None:
        self.form = Form(max(self.form.window, way.window), way.schema)

    def _next_way(self, prompt: Prompt, way: Form, failure: LlmFailure) -> Form | None:
        if isinstance(failure, ContextOverflow):
            # the estimate was too small: by Ollama's own count, or by double where it does not say
            need = (failure.prompt_tokens or way.window) + self._limit(prompt)
            larger = self._window_for(max(need, way.window + 1))
            return replace(way, window=larger) if larger > way.window else None
        if isinstance(failure, Rejected) and prompt.schema is not None and way.schema:
            return replace(way, schema=False)
        return None

    def _window_for(self, need: int) -> int:
        window = SMALLEST_WINDOW
        while window < need:
            window *= 2
        return min(window, self.largest_window)

    async def _look_at_model(self) -> None:
        """Once: what the model was made for is the most that Ollama gives, whatever it is asked for."""
        async with self._looking:
            if self.version is not None:
                return
            model = await self._get_or_post(Request(f"{self.base_url}/api/show", {"model": self.model}), LOOK_SECONDS)
            facts = model.get("model_info")
            for name, value in facts.items() if isinstance(facts, dict) else ():
                if name.endswith(".context_length") and isinstance(value, int) and value > 0:
                    self.largest_window = self.window_tokens = min(self.largest_window, value)
            self.form = replace(self.form, window=min(self.form.window, self.largest_window))
            about = await self._get_or_post(Request(f"{self.base_url}/api/version", None), LOOK_SECONDS)
            self.version = tuple(map(int, re.findall(r"[0-9]+", str(about.get("version")))[:3]))

    def _request(self, prompt: Prompt, way: Form, *, stream: bool) -> Request:
        options: Json = {"num_ctx": way.window, "num_predict": self._limit(prompt)}
        if prompt.temperature is not None:
            options["temperature"] = prompt.temperature
        system = prompt.system
        body: Json = {
            "model": self.model, "stream": stream, "options": options, "keep_alive": self.keep_alive,
            # what does not fit is to be refused: by default the oldest messages are left out in silence
            "truncate": False, "shift": False,
        }  # fmt: skip
        if prompt.schema is not None:
            body["format"] = grammar_schema(prompt.schema) if way.schema else "json"
            # the grammar holds the model to the form, but only the words tell it what is meant
            system = f"{system}\n\n{as_words(prompt.schema)}"
        chat = [{"role": "system", "content": system}] if system else []
        body["messages"] = chat + [{"role": each.role, "content": each.content} for each in prompt.messages]
        return Request(f"{self.base_url}/api/chat", body)

    def _reading(self, prompt: Prompt, way: Form) -> AnswerSoFar:
        return _Chat(self, way.window)

    def _refusal(self, status: int, body: str, headers: Mapping[str, str]) -> LlmFailure:
        return self.failure(status, reason_in(body), headers)

    def failure(self, status: int, words: str, headers: Mapping[str, str]) -> LlmFailure:
        if OVERFLOW.search(words):
            return _overflow(self.model, words)
        if status == 404:
            return (ModelMissing if "model" in words else WronglySetUp)(self._unknown(words))
        if status >= 500 or status == 499:
            return Overloaded(f"{self.who} is overloaded or down ({status}: {redacted(words)}).")
        return refusal(status, words, headers, name=self.provider, settings=self.settings)

    def _unknown(self, words: str) -> str:
        if "model" not in words:
            return f"There is no Ollama at {self.place}. Check OLLAMA_URL."
        pull = f"Run `ollama pull {self.model}` there, or name another one in OLLAMA_MODEL."
        return f"Ollama at {self.place} does not have the model {self.model}. {pull}"

    def _not_there(self, reason: str) -> LlmFailure:
        start = "Start it with `ollama serve`, or correct OLLAMA_URL."
        return Unreachable(f"Ollama does not answer at {self.place} ({reason}). {start}")

    def _was_cut(self, shown: int, least: int) -> None:
        # a version that refuses what does not fit has not cut it: some of those do not count what they had cached
        if self.version and self.version < REFUSES_OVERFLOW:
            super()._was_cut(shown, least)


class _Chat(AnswerSoFar):
    def __init__(self, ollama: Ollama, window: int) -> None:
        super().__init__()
        self.ollama = ollama
        self.window = window

    def take(self, payload: Json) -> str:
        if "error" in payload:
            raise self.ollama.failure(500, str(payload["error"]), {})
        self.model = str(payload.get("model") or self.model)
        if payload.get("done"):
            self._ends(payload)
        text = payload["message"].get("content") if "message" in payload or not self.ended else None
        return self.add(text) if isinstance(text, str) else ""

    def end(self) -> None:
        shown, written = self.usage.get("prompt_tokens", 0), self.usage.get("completion_tokens", 0)
        if shown >= self.window or shown + written > self.window + MISCOUNT:
            raise ContextOverflow(
                f"Ollama left out a part of the text: it did not fit into {self.window} tokens."
                " Send less, or set a larger OLLAMA_CONTEXT_TOKENS, and update Ollama."
            )

    def _ends(self, payload: Json) -> None:
        self.ended = True
        self.finish = "length" if payload.get("done_reason") == "length" else "stop"
        self.count("prompt_tokens", payload.get("prompt_eval_count"))
        self.count("completion_tokens", payload.get("eval_count"))
        load = payload.get("load_duration")
        self.count("model_load_seconds", round(load / NANOSECONDS, 3) if isinstance(load, int) else None)


def _overflow(model: str, words: str) -> ContextOverflow:
    failure = ContextOverflow(f"The text is too long for the language model {model} ({redacted(words)}).")
    if counted := COUNTED.search(words):
        failure.prompt_tokens = int(counted[1] or counted[2])
    return failure
