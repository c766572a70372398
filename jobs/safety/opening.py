"""The moderator that the settings name, with nothing else loaded."""

from typing import TYPE_CHECKING

from jobs.safety.settings import SafetySettings

if TYPE_CHECKING:
    import httpx

    from jobs.providers.moderators.moderator import Moderator

# Llama Guard's own, and more than a conversation's latest messages need
WINDOW = 8192


def open_moderator(client: "httpx.AsyncClient", settings: SafetySettings) -> "Moderator | None":
    """None where there is none beside the built-in rules."""
    key, timeout, model = settings.moderator_key.get_secret_value(), settings.moderator_timeout, settings.model
    if settings.moderator == "openai":
        from jobs.providers.moderators.openai_moderations import OpenAIModerations

        return OpenAIModerations(client, base_url=settings.address, model=model, key=key, timeout=timeout)
    if settings.moderator == "ollama":
        from jobs.providers.moderators.llama_guard import LlamaGuard
        from jobs.providers.ollama import Ollama

        chat = Ollama(
            client, base_url=settings.address, model=model, context_tokens=WINDOW, window_tokens=WINDOW,
            timeout=timeout,
        )  # fmt: skip
        return LlamaGuard(chat)
    if settings.moderator == "http":
        from jobs.providers.moderators.http_moderator import HttpModerator

        return HttpModerator(client, url=settings.address, model=model, key=key, timeout=timeout)
    return None
