"""The worker's clients, built once for the queues that it serves and passed to every run: nothing else is loaded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.companion.personas import Personas
from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.schema import require_current_schema
from jobs.db.session import Database
from jobs.errors import Misconfigured
from jobs.lanes import hosts
from jobs.lanes.gates import Gates
from jobs.lanes.health import LaneHealth
from jobs.media import MediaStore
from jobs.settings import (
    DatabaseSettings,
    Group,
    LaneSettings,
    LlmSettings,
    MediaSettings,
    PersonaSettings,
    TelegramSettings,
    load,
)
from jobs.submit import Intake

if TYPE_CHECKING:
    import httpx

    from jobs.delivery.telegram import Telegram
    from jobs.providers.chat_model import ChatModel
    from jobs.providers.comfyui.client import ComfyUI

LLM_QUEUES = {"llm"}
# the queues whose jobs a person in a chat may be waiting for
CHAT_QUEUES = {"llm", "telegram"}


@dataclass(frozen=True)
class Resources:
    """What a run may use. Asking for a client that this worker's queues do not need raises Misconfigured."""

    database: Database
    intake: Intake
    result_ttl: int
    media: MediaStore
    personas: Personas
    telegram: "Telegram | None" = None
    models: "dict[str, ChatModel]" = field(default_factory=dict)
    comfyui: "dict[str, ComfyUI]" = field(default_factory=dict)

    @property
    def reply_llm(self) -> "ChatModel":
        return self._model("REPLY_LLM")

    @property
    def image_prompt_llm(self) -> "ChatModel":
        return self._model("IMAGE_PROMPT_LLM")

    def lane(self, queue: str) -> "ComfyUI":
        if queue not in self.comfyui:
            raise Misconfigured(f"This worker was not started for the queue {queue}.")
        return self.comfyui[queue]

    def _model(self, use: str) -> "ChatModel":
        if use not in self.models:
            raise Misconfigured("This worker was not started for the queue llm.")
        return self.models[use]


@asynccontextmanager
async def open_resources(queues: frozenset[str], gates: Gates | None = None) -> AsyncIterator[Resources]:
    """Raises Misconfigured with the one sentence that an operator needs when a setting or the schema is not right."""
    database_settings, media_settings, lane_settings = load(DatabaseSettings), load(MediaSettings), load(LaneSettings)
    async with AsyncExitStack() as stack:
        database = Database(database_settings)
        stack.push_async_callback(database.aclose)
        await _require_schema(database)
        lane_queues = sorted(queue for queue in queues if hosts.is_lane(queue))
        personas = Personas(load(PersonaSettings)).checked()
        client = await _http_client(stack) if queues & (LLM_QUEUES | CHAT_QUEUES) or lane_queues else None
        yield Resources(
            database=database,
            intake=Intake(lane_settings, media_settings, personas),
            result_ttl=media_settings.result_ttl,
            media=MediaStore(media_settings),
            personas=personas,
            telegram=_telegram(client, required="telegram" in queues) if client else None,
            models=_models(client) if client and queues & LLM_QUEUES else {},
            comfyui=await _comfyui(stack, lane_queues, lane_settings, database, gates or Gates()),
        )


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _require_schema(database: Database) -> None:
    try:
        async with database.transaction() as connection:
            await require_current_schema(connection)
    except DATABASE_ERRORS as error:
        raise Misconfigured(f"PostgreSQL does not answer at DATABASE_URL, or refuses us ({reason(error)}).") from None


async def _http_client(stack: AsyncExitStack) -> "httpx.AsyncClient":
    import httpx

    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    return await stack.enter_async_context(httpx.AsyncClient(limits=limits, trust_env=False))


def _telegram(client: "httpx.AsyncClient", *, required: bool) -> "Telegram | None":
    from jobs.delivery.telegram import Telegram

    settings = load(TelegramSettings) if required else _optional(TelegramSettings)
    if settings is None:
        return None
    return Telegram(client, token=settings.telegram_bot_token.get_secret_value(), api_base=settings.telegram_api_base)


def _optional(group: type[Group]) -> Group | None:
    try:
        return load(group)
    except Misconfigured:
        return None


def _models(client: "httpx.AsyncClient") -> "dict[str, ChatModel]":
    from jobs.providers.openai_compatible import OpenAICompatible

    settings = load(LlmSettings)
    models: dict[str, ChatModel] = {}
    for use in ("REPLY_LLM", "IMAGE_PROMPT_LLM"):
        models[use] = OpenAICompatible(
            client,
            base_url=settings.venice_base_url,
            api_key=settings.venice_api_key.get_secret_value(),
            model=settings.model_for(use),
            context_tokens=settings.reply_context_tokens,
            timeout=settings.venice_timeout,
        )
    return models


async def _comfyui(
    stack: AsyncExitStack, queues: list[str], settings: LaneSettings, database: Database, gates: Gates
) -> "dict[str, ComfyUI]":
    if not queues:
        return {}
    from jobs.providers.comfyui.client import ComfyUI

    opened = {}
    for queue in queues:
        host = hosts.host_of(queue, settings)
        health = LaneHealth(queue, host, database, gates)
        watching = asyncio.create_task(health.run(), name=f"health of {queue}")
        stack.push_async_callback(_stop, watching)
        client = ComfyUI(
            host,
            on_connection=health.heard,
            generation_timeout=settings.generation_timeout,
            model_load_timeout=settings.model_load_timeout,
        )
        opened[queue] = await stack.enter_async_context(client)
    return opened
