"""`postgen doctor`: one line for each thing that must work, with what to do where it does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
from sqlalchemy import text

from jobs.commands.webhook import webhook_url
from jobs.db import schema
from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.queue import workers
from jobs.db.session import Database
from jobs.delivery.telegram import UNANSWERED, Telegram
from jobs.errors import Misconfigured, PostgenError
from jobs.lanes.hosts import base_url
from jobs.providers.chat_model import ChatModel
from jobs.providers.image_opening import OPENERS
from jobs.providers.image_provider import ImageProvider
from jobs.providers.opening import CONVERSING, is_set_up, open_model
from jobs.settings import DatabaseSettings, ImageSettings, LaneSettings, LlmSettings, TelegramSettings, load

TIMEOUT = httpx.Timeout(10, connect=3)
LLM_SECONDS = 60
IMAGE_SECONDS = 20
SUBJECTS = {
    "REPLY_LLM": "llm",
    "IMAGE_PROMPT_LLM": "prompt-llm",
    "WORLD_LLM": "world-llm",
    "ANALYSIS_LLM": "doc-llm",
}
ADVICE = {
    "venice": "Settings: VENICE_BASE_URL, VENICE_API_KEY, VENICE_MODEL.",
    "gemini": "Settings: GEMINI_BASE_URL, GEMINI_API_KEY, GEMINI_MODEL.",
    "ollama": "Settings: OLLAMA_URL, OLLAMA_MODEL.",
}


@dataclass(frozen=True)
class Finding:
    """`advice` is what to do; empty when all is well."""

    subject: str
    words: str
    advice: str = ""

    def __str__(self) -> str:
        mark = "FAIL" if self.advice else "ok  "
        return f"{mark} {self.subject:<10} {self.words}{f' - {self.advice}' if self.advice else ''}"


Check = Callable[[], AsyncIterator[Finding]]


async def examine() -> bool:
    """Print the findings as they come; False if anything is wrong."""
    well = True
    for subject, check in CHECKS.items():
        try:
            async for finding in check():
                print(finding)
                well = well and not finding.advice
        except Misconfigured as error:
            print(Finding(subject, "not set up", error.detail))
            well = False
    return well


async def check_database() -> AsyncIterator[Finding]:
    database = Database(load(DatabaseSettings))
    try:
        async with database.transaction() as connection:
            version = (await connection.execute(text("show server_version"))).scalar_one()
            yield Finding("database", f"PostgreSQL {version} answers")
            await schema.require_current_schema(connection)
        yield Finding("schema", f"at {schema.HEAD}")
        alive = await workers.alive(database)
        advice = (
            "" if alive else "start one: procrastinate --app=jobs.worker.app worker --queues=llm,telegram,housekeeping"
        )
        yield Finding("workers", f"{alive} alive", advice)
    except DATABASE_ERRORS as error:
        yield Finding("database", f"does not answer ({reason(error)})", "check DATABASE_URL and that PostgreSQL runs")
    except Misconfigured as error:
        yield Finding("schema", "not current", error.detail)
    finally:
        await database.aclose()


async def check_telegram() -> AsyncIterator[Finding]:
    settings = load(TelegramSettings)
    async with httpx.AsyncClient(trust_env=False) as client:
        token = settings.telegram_bot_token.get_secret_value()
        telegram = Telegram(client, token=token, api_base=settings.telegram_api_base)
        try:
            me = await telegram.call("getMe")
            if not me.get("ok"):
                words = f"Telegram says: {me.get('description')}"
                yield Finding("bot", words, "check TELEGRAM_BOT_TOKEN with @BotFather")
                return
            yield Finding("bot", f"@{me['result'].get('username')}")
            yield _webhook_finding((await telegram.call("getWebhookInfo"))["result"])
        except (*UNANSWERED, LookupError) as error:
            words = f"Telegram does not answer at {settings.telegram_api_base} ({type(error).__name__})"
            yield Finding("bot", words, "check the network and TELEGRAM_API_BASE")


def _webhook_finding(info: dict[str, object]) -> Finding:
    registered, wanted = info.get("url") or "nowhere", webhook_url()
    if registered != wanted:
        return Finding("webhook", f"Telegram posts to {registered}, not to {wanted}", "run: postgen webhook set")
    waiting, trouble = info.get("pending_update_count", 0), info.get("last_error_message")
    if waiting and trouble:
        words = f"{waiting} updates wait; Telegram's last error: {trouble}"
        return Finding("webhook", words, "check that the webhook app runs and that PUBLIC_URL reaches it")
    return Finding("webhook", f"{registered}, {waiting} updates wait")


async def check_lanes() -> AsyncIterator[Finding]:
    hosts = load(LaneSettings).hosts
    if not hosts and not load(ImageSettings).remote:
        yield Finding("lanes", "none", "set COMFYUI_HOSTS to draw pictures, for example localhost:8188")
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT) as client:
        for number, host in enumerate(hosts):
            advice = f"start ComfyUI there, or correct COMFYUI_HOSTS ({host})"
            yield await _probe(f"gpu-{number}", f"ComfyUI at {host}", client.get(f"{base_url(host)}/prompt"), advice)


async def check_llm() -> AsyncIterator[Finding]:
    """Each model that is used, once: what every installation needs, and the others where they were set up."""
    settings = load(LlmSettings)
    async with httpx.AsyncClient(trust_env=False) as client:
        for choice, uses in _configured(settings).items():
            try:
                yield await _llm_finding(open_model(client, settings, uses[0]), uses)
            except Misconfigured as error:
                yield Finding(SUBJECTS[uses[0]], f"{choice} is not set up ({', '.join(uses)})", error.detail)


def _configured(settings: LlmSettings) -> dict[str, list[str]]:
    """The uses of each choice. A default that nobody has touched is no fault of an installation without such jobs."""
    found: dict[str, list[str]] = {}
    for use in SUBJECTS:
        choice = getattr(settings, use.lower())
        if use in CONVERSING or use.lower() in settings.model_fields_set or is_set_up(choice.partition(":")[0]):
            found.setdefault(choice, []).append(use)
    return found


async def _llm_finding(model: ChatModel, uses: list[str]) -> Finding:
    subject, words = SUBJECTS[uses[0]], f"{model.provider}:{model.model} ({', '.join(uses)})"
    try:
        async with asyncio.timeout(LLM_SECONDS):
            await model.probe()
    except TimeoutError:
        return Finding(subject, f"{words} does not answer", f"it took more than {LLM_SECONDS} seconds")
    except PostgenError as error:
        return Finding(subject, f"{words} does not work", f"{error.detail} {ADVICE[model.provider]}")
    return Finding(subject, f"{words} answers")


async def check_images() -> AsyncIterator[Finding]:
    """The remote providers of pictures, if there are any: each by itself, since any of them may draw."""
    settings = load(ImageSettings)
    async with httpx.AsyncClient(trust_env=False) as client:
        for name in settings.remote:
            try:
                yield await _image_finding(OPENERS[name](client))
            except Misconfigured as error:
                yield Finding(name, "is not set up", f"{error.detail} Or take it out of IMAGE_PROVIDERS.")


async def _image_finding(provider: ImageProvider) -> Finding:
    words = f"draws with {provider.model}"
    try:
        async with asyncio.timeout(IMAGE_SECONDS):
            await provider.probe()
    except TimeoutError:
        return Finding(provider.provider, f"{words}, and does not answer", f"it took more than {IMAGE_SECONDS} seconds")
    except PostgenError as error:
        return Finding(provider.provider, f"{words}, and does not work", error.detail)
    return Finding(provider.provider, f"{words}: answers")


async def _probe(subject: str, words: str, call: Awaitable[httpx.Response], advice: str) -> Finding:
    try:
        response = await call
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding(subject, f"{words} does not answer ({type(error).__name__})", advice)
    if response.is_error:
        return Finding(subject, f"{words} answers {response.status_code}", advice)
    return Finding(subject, f"{words} answers")


CHECKS: dict[str, Check] = {
    "database": check_database,
    "bot": check_telegram,
    "lanes": check_lanes,
    "images": check_images,
    "llm": check_llm,
}
