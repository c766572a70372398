"""Which language model does a use take? The adapter that the settings name, with nothing else loaded."""

from typing import TYPE_CHECKING, Any

from jobs.errors import Misconfigured
from jobs.providers.chat_model import ChatModel
from jobs.settings import GeminiSettings, LlmSettings, OllamaSettings, SettingsGroup, VeniceSettings, load

if TYPE_CHECKING:
    import httpx

    from jobs.providers.http_chat_model import HttpChatModel

# what is shown a conversation; the other uses fill the window
CONVERSING = ("REPLY_LLM", "IMAGE_PROMPT_LLM")


def open_model(client: "httpx.AsyncClient", settings: LlmSettings, use: str, *, patience: float = 0) -> ChatModel:
    """`use`: REPLY_LLM, IMAGE_PROMPT_LLM, WORLD_LLM or ANALYSIS_LLM. Raises Misconfigured, naming what is missing.

    `patience`: so many seconds a call may take, also where the provider's own time-out is shorter.
    """
    provider, model = settings.choice(use)
    shown = settings.reply_context_tokens if use in CONVERSING else None
    try:
        opened = OPENERS[provider](client, model, shown)
    except Misconfigured as missing:
        raise Misconfigured(f"{use}={getattr(settings, use.lower())}: {missing.detail}") from None
    opened.timeout = max(opened.timeout, patience)
    return opened


def is_set_up(provider: str) -> bool:
    """Whether anything about it was set."""
    try:
        return provider not in GROUPS or bool(load(GROUPS[provider]).model_fields_set)
    except Misconfigured:
        return True


def _venice(client: "httpx.AsyncClient", model: str, shown: int | None) -> "HttpChatModel[Any]":
    from jobs.providers.openai_compatible import OpenAICompatible

    settings = load(VeniceSettings)
    window = settings.venice_context_tokens
    return OpenAICompatible(
        client, base_url=settings.venice_base_url, api_key=settings.key(), model=model or settings.venice_model,
        context_tokens=shown or window, window_tokens=window, timeout=settings.venice_timeout,
    )  # fmt: skip


def _gemini(client: "httpx.AsyncClient", model: str, shown: int | None) -> "HttpChatModel[Any]":
    from jobs.providers.gemini import Gemini

    settings = load(GeminiSettings)
    window = settings.gemini_context_tokens
    return Gemini(
        client, base_url=settings.gemini_base_url, version=settings.gemini_api_version,
        api_key=settings.key(), model=model or settings.gemini_model,
        context_tokens=shown or window, window_tokens=window, timeout=settings.gemini_timeout,
    )  # fmt: skip


def _ollama(client: "httpx.AsyncClient", model: str, shown: int | None) -> "HttpChatModel[Any]":
    from jobs.providers.ollama import Ollama

    settings = load(OllamaSettings)
    window = settings.ollama_context_tokens
    return Ollama(
        client, base_url=settings.ollama_url, model=model or settings.ollama_model, context_tokens=shown or window,
        window_tokens=window, timeout=settings.ollama_timeout, keep_alive=settings.ollama_keep_alive,
    )  # fmt: skip


GROUPS: dict[str, type[SettingsGroup]] = {
    "venice": VeniceSettings,
    "gemini": GeminiSettings,
    "ollama": OllamaSettings,
}
OPENERS = {"venice": _venice, "gemini": _gemini, "ollama": _ollama}
