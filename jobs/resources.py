"""The worker's clients, built once for the queues that it serves and passed to every run: nothing else is loaded."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jobs.companion.personas import Personas
from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.jobs import Job
from jobs.db.provider_calls import ProviderCall
from jobs.db.schema import require_current_schema
from jobs.db.session import Database
from jobs.errors import Misconfigured
from jobs.lanes.gates import Gates
from jobs.lanes.stealing import Stealing
from jobs.media import MediaStore
from jobs.queues import is_lane
from jobs.settings import (
    DatabaseSettings,
    Group,
    LaneSettings,
    LlmSettings,
    MediaSettings,
    PersonaSettings,
    TelegramSettings,
    WebhookSettings,
    load,
)
from jobs.submit import Intake

if TYPE_CHECKING:
    import httpx

    from jobs.delivery.telegram import Telegram
    from jobs.guard.call import Caller
    from jobs.guard.guard import Guard
    from jobs.lanes.lane import Lane
    from jobs.providers.chat_model import ChatModel
    from jobs.webhooks.sending import Sending

# which language models the jobs of a queue use
LLM_USES = {"llm": ("REPLY_LLM", "IMAGE_PROMPT_LLM"), "world": ("WORLD_LLM",), "analysis": ("ANALYSIS_LLM",)}
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
    webhooks: "Sending | None" = None
    models: "dict[str, ChatModel]" = field(default_factory=dict)
    lanes: "dict[str, Lane]" = field(default_factory=dict)
    guard: "Guard | None" = None
    caller: "Caller | None" = None

    def for_run(self, job: Job) -> "Resources":
        """The same for one run of this job: what it asks of providers is counted for it, and entered in `calls`."""
        if self.guard is None:
            return self
        from jobs.guard.call import Caller

        return replace(self, caller=Caller(job.id, job.root_id or job.id, job.kind))

    @property
    def calls(self) -> list[ProviderCall]:
        """What this run has asked of providers so far, for the log of calls."""
        return self.caller.calls if self.caller else []

    @property
    def reply_llm(self) -> "ChatModel":
        return self._model("REPLY_LLM")

    @property
    def image_prompt_llm(self) -> "ChatModel":
        return self._model("IMAGE_PROMPT_LLM")

    @property
    def world_llm(self) -> "ChatModel":
        return self._model("WORLD_LLM")

    @property
    def analysis_llm(self) -> "ChatModel":
        return self._model("ANALYSIS_LLM")

    def lane(self, queue: str) -> "Lane":
        if queue not in self.lanes:
            raise Misconfigured(f"This worker was not started for the queue {queue}.")
        return self.lanes[queue]

    def _model(self, use: str) -> "ChatModel":
        if use not in self.models:
            queue = next(queue for queue, uses in LLM_USES.items() if use in uses)
            raise Misconfigured(f"This worker was not started for the queue {queue}.")
        model = self.models[use]
        if self.guard is None:
            return model
        from jobs.guard.call import Caller
        from jobs.guard.guarded_model import GuardedModel

        return GuardedModel(model, self.guard, self.caller or Caller())


@asynccontextmanager
async def open_resources(queues: frozenset[str], gates: Gates | None = None) -> AsyncIterator[Resources]:
    """Raises Misconfigured with the one sentence that an operator needs when a setting or the schema is not right."""
    database_settings, media_settings, lane_settings = load(DatabaseSettings), load(MediaSettings), load(LaneSettings)
    async with AsyncExitStack() as stack:
        database = Database(database_settings)
        stack.push_async_callback(database.aclose)
        await _require_schema(database)
        lane_queues = sorted(queue for queue in queues if is_lane(queue))
        personas = Personas(load(PersonaSettings)).checked()
        client = await _http_client(stack) if queues & (LLM_USES.keys() | CHAT_QUEUES) or lane_queues else None
        models = _models(client, queues) if client else {}
        yield Resources(
            database=database,
            intake=Intake(lane_settings, media_settings, personas),
            result_ttl=media_settings.result_ttl,
            media=MediaStore(media_settings),
            personas=personas,
            telegram=_telegram(client, required="telegram" in queues) if client else None,
            webhooks=await _webhooks(stack, database) if "webhooks" in queues else None,
            models=models,
            guard=await _guard(stack, database, models) if models else None,
            lanes=await open_lanes(stack, lane_queues, lane_settings, database, gates or Gates(), personas),
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


async def _webhooks(stack: AsyncExitStack, database: Database) -> "Sending":
    from jobs.db import signing_keys
    from jobs.delivery.signed_webhook import SignedWebhook
    from jobs.webhooks.sending import Sending

    sender = SignedWebhook(allow_private=load(WebhookSettings).webhook_allow_private)
    stack.push_async_callback(sender.aclose)
    return Sending(sender, await signing_keys.active(database))


def _optional(group: type[Group]) -> Group | None:
    try:
        return load(group)
    except Misconfigured:
        return None


def _models(client: "httpx.AsyncClient", queues: frozenset[str]) -> "dict[str, ChatModel]":
    uses = [use for queue in LLM_USES if queue in queues for use in LLM_USES[queue]]
    if not uses:
        return {}
    from jobs.providers.opening import open_model

    settings = load(LlmSettings)
    return {use: open_model(client, settings, use) for use in uses}


async def _guard(stack: AsyncExitStack, database: Database, models: "dict[str, ChatModel]") -> "Guard":
    from jobs.guard.opening import open_guard

    return await open_guard(stack, database, models.values())


async def open_lanes(
    stack: AsyncExitStack,
    queues: list[str],
    settings: LaneSettings,
    database: Database,
    gates: Gates,
    personas: Personas,
) -> "dict[str, Lane]":
    """The lanes of a worker, watched from now on until the stack is closed."""
    if not queues:
        return {}
    from jobs.lanes.opening import open_lane

    beside(stack, Stealing(database, settings, gates).run(), "stealing")
    opened = {}
    for queue in queues:
        lane = open_lane(queue, settings, database, gates, personas)
        beside(stack, lane.health.run(), f"health of {queue}")
        beside(stack, lane.memory.run(), f"memory of {queue}")
        await stack.enter_async_context(lane.client)
        opened[queue] = lane
    return opened


def beside(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Runs until the stack is closed."""
    stack.push_async_callback(_stop, asyncio.create_task(work, name=name))
