"""What the demo's processes find in their environment: every setting that matters, and little of the person's own."""

import os
from collections.abc import Mapping

from sandbox.demo.addresses import Addresses
from sandbox.demo.folder import DemoFolder
from sandbox.llm.real import ALIAS, TOKENS_PER_SLOT
from sandbox.small_model import gemini, ollama

TOKEN = "1000001:demo-token-for-the-sandbox-only"  # noqa: S105 - the stand-in for Telegram takes any
SYSTEM = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME")
# the stand-in for Gemini takes any name but the small model's
VARIED = "varied"
# it answers one question after the other
SMALL_MODEL_SECONDS = 600
# seconds; a worker must be gone well before the ten that the whole demo has
WORKER_SHUTDOWN_GRACE = 3


def environment(
    own: Mapping[str, str], addresses: Addresses, folder: DemoFolder, database_url: str, *, real_world: bool = False
) -> dict[str, str]:
    """`own` is the person's environment: of our settings only the log's and the database's are taken from it.

    `real_world`: the small real model writes the worlds, not the stand-in that makes varied ones up.
    """
    system = {name: own[name] for name in SYSTEM if name in own}
    settings = _settings(own, addresses, folder, database_url)
    return {**system, "PYTHONUNBUFFERED": "1", **settings, **_models(addresses, real_world=real_world)}


def _settings(own: Mapping[str, str], addresses: Addresses, folder: DemoFolder, database_url: str) -> dict[str, str]:
    # a .env in the working directory is read as well: what is not named here may come from there
    given_database = "DATABASE_URL" in own
    return {
        "DATABASE_URL": database_url,
        "DATABASE_LISTEN_URL": own.get("DATABASE_LISTEN_URL", database_url) if given_database else database_url,
        "DATABASE_POOLED": own.get("DATABASE_POOLED", "false") if given_database else "false",
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_WEBHOOK_SECRET": folder.kept_secret("webhook-secret"),
        "TELEGRAM_API_BASE": addresses.chat,
        "PUBLIC_URL": addresses.api,
        "COMFYUI_HOSTS": ",".join(addresses.comfyui),
        "IMAGE_PROVIDERS": "comfyui",
        "MEDIA_URL": f"file:{folder.media}",
        # receivers of webhooks are tried out on this machine
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "WORKER_SHUTDOWN_GRACE": str(WORKER_SHUTDOWN_GRACE),
        "LOG_LEVEL": own.get("LOG_LEVEL", "INFO"),
        "LOG_FORMAT": own.get("LOG_FORMAT", "console"),
    }


def _models(addresses: Addresses, *, real_world: bool) -> dict[str, str]:
    """One address, three wires."""
    return {
        "REPLY_LLM": "venice",
        "IMAGE_PROMPT_LLM": "venice",
        "VENICE_BASE_URL": f"{addresses.llm}/v1",
        "VENICE_API_KEY": "none-needed",
        "VENICE_MODEL": ALIAS,
        # one core reads about a hundred tokens a second, and a person waits
        "REPLY_CONTEXT_TOKENS": "1000",
        "ANALYSIS_LLM": "ollama",
        "OLLAMA_URL": addresses.llm,
        "OLLAMA_MODEL": ollama.NAME,
        "OLLAMA_CONTEXT_TOKENS": str(TOKENS_PER_SLOT),
        "WORLD_LLM": "gemini",
        "GEMINI_BASE_URL": addresses.llm,
        "GEMINI_API_KEY": "none-needed",
        "GEMINI_MODEL": gemini.NAME if real_world else VARIED,
        "GEMINI_TIMEOUT": str(SMALL_MODEL_SECONDS),
    }


def own_environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if value}
