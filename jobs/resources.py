"""The worker's clients, built once for the queues that it serves and passed to every run: nothing else is loaded."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jobs.analysis.settings import AnalysisSettings
from jobs.companion.pace import PaceSettings
from jobs.companion.personas import Personas
from jobs.companion.pictures import PictureSettings
from jobs.companion.rule_subject import subject_of
from jobs.db.chats.chat_pace import Pace
from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.provider.provider_calls import ProviderCall
from jobs.db.schema import require_current_schema
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.documents.settings import DocumentSettings
from jobs.errors import Misconfigured
from jobs.guard.turnstile import Turnstile
from jobs.kinds import registry
from jobs.lanes.gates import Gates
from jobs.lanes.stealing import Stealing
from jobs.media import MediaStore
from jobs.queues import is_lane
from jobs.safety.safety import Safety
from jobs.safety.settings import SafetySettings
from jobs.settings import (
    CallbackSettings,
    DatabaseSettings,
    Group,
    ImageSettings,
    LaneSettings,
    LlmSettings,
    MediaSettings,
    PersonaSettings,
    PublicSettings,
    TelegramSettings,
    WebhookSettings,
    load,
)
from jobs.submit import Intake
from jobs.trees.telling import TreeProgress

if TYPE_CHECKING:
    import httpx

    from jobs.delivery.telegram import Telegram
    from jobs.guard.call import Caller
    from jobs.guard.guard import Guard
    from jobs.imaging.callbacks import Callbacks
    from jobs.imaging.remote_images import RemoteImages
    from jobs.lanes.checked_lane import CheckedLane
    from jobs.lanes.lane import Lane
    from jobs.providers.chat_model import ChatModel
    from jobs.providers.image_provider import ImageProvider
    from jobs.receiving import ChatDocuments
    from jobs.webhooks.sending import Sending

# which language models the jobs of a queue use
LLM_USES = {"llm": ("REPLY_LLM", "IMAGE_PROMPT_LLM"), "world": ("WORLD_LLM",), "analysis": ("ANALYSIS_LLM",)}
# many servers hang up after five idle seconds: what is sent at that moment may or may not have arrived
IDLE_SECONDS = 3.0
# the queues whose jobs a person in a chat may be waiting for
CHAT_QUEUES = {"llm", "telegram", "image"}


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
    tree_progress: TreeProgress | None = None
    guard: "Guard | None" = None
    caller: "Caller | None" = None
    pictures: PictureSettings = field(default_factory=PictureSettings)
    analysis_timeout: float = 1800
    documents: DocumentSettings = field(default_factory=DocumentSettings)
    safety: Safety = field(default_factory=lambda: Safety(SafetySettings()))
    pace: Pace = field(default_factory=Pace)
    # what keeps this worker from fetching: shared with the engine
    gates: Gates = field(default_factory=Gates)
    image_providers: "Sequence[ImageProvider]" = ()
    callbacks: "Callbacks | None" = None
    turnstile: Turnstile = field(default_factory=Turnstile)

    def for_run(self, job: Job) -> "Resources":
        """The same for one run of this job: what it asks of providers is counted for it, and entered in `calls`."""
        subject = subject_of(job, self.personas)
        if self.guard is None:
            return replace(self, safety=self.safety.for_run(subject, self.safety.moderator))
        from jobs.guard.call import Caller
        from jobs.guard.guarded_moderator import GuardedModerator

        yields = job.kind in registry.BY_THE_HUNDRED
        # its pictures have places of their own, and wait where nobody here sees it
        passage = self.turnstile.passage() if yields and job.queue == "world" else None
        caller = Caller(job.id, job.root_id or job.id, job.kind, yields=yields, passage=passage)
        moderator = self.safety.moderator
        guarded = GuardedModerator(moderator, self.guard, caller) if moderator else None
        return replace(self, caller=caller, safety=self.safety.for_run(subject, guarded))

    @property
    def at_work(self) -> AbstractAsyncContextManager[object]:
        """Around all that a run does: nothing, or its turn among those of which there are hundreds."""
        return self.caller.passage if self.caller and self.caller.passage else nullcontext()

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

    def analysis_llm(self, model: str = "") -> "ChatModel":
        """It is shown documents, so what it reports of them is to be checked. `model`: instead of the operator's."""
        from jobs.safety.reading_model import ReadingModel

        return ReadingModel(self._guarded("ANALYSIS_LLM", model))

    @property
    def images(self) -> "RemoteImages":
        """The remote providers of pictures, in their order."""
        if self.guard is None or self.callbacks is None or not self.image_providers:
            raise Misconfigured("No provider draws in the queue image. Set IMAGE_PROVIDERS, and start a worker for it.")
        from jobs.guard.call import Caller
        from jobs.imaging.orders import Orders
        from jobs.imaging.remote_images import RemoteImages

        orders = Orders(self.image_providers, self.guard, self.caller or Caller(), self.callbacks)
        return RemoteImages(orders, self.safety, self.intake.lanes, self.intake.images)

    @property
    def chat_documents(self) -> "ChatDocuments":
        if self.telegram is None:
            raise Misconfigured("This worker has no bot to fetch files with. Set TELEGRAM_BOT_TOKEN.")
        from jobs.receiving import ChatDocuments

        return ChatDocuments(self.database, self.media, self.intake, self.telegram)

    def lane(self, queue: str) -> "CheckedLane":
        if queue not in self.lanes:
            raise Misconfigured(f"This worker was not started for the queue {queue}.")
        from jobs.lanes.checked_lane import CheckedLane

        return CheckedLane(self.lanes[queue], self.safety)

    def _model(self, use: str) -> "ChatModel":
        from jobs.safety.checked_model import CheckedModel

        return CheckedModel(self._guarded(use), self.safety)

    def _guarded(self, use: str, name: str = "") -> "ChatModel":
        if use not in self.models:
            queue = next(queue for queue, uses in LLM_USES.items() if use in uses)
            raise Misconfigured(f"This worker was not started for the queue {queue}.")
        model = self.models[use].named(name) if name else self.models[use]
        if self.guard is not None:
            from jobs.guard.call import Caller
            from jobs.guard.guarded_model import GuardedModel

            model = GuardedModel(model, self.guard, self.caller or Caller())
        return model


@asynccontextmanager
async def open_resources(queues: frozenset[str], gates: Gates | None = None) -> AsyncIterator[Resources]:
    """Raises Misconfigured with the one sentence that an operator needs when a setting or the schema is not right."""
    database_settings, media_settings, lane_settings = load(DatabaseSettings), load(MediaSettings), load(LaneSettings)
    async with AsyncExitStack() as stack:
        database = Database(database_settings)
        stack.push_async_callback(database.aclose)
        await _require_schema(database)
        lane_queues = sorted(queue for queue in queues if is_lane(queue))
        gates = gates or Gates()
        personas = Personas(load(PersonaSettings)).checked()
        client = await _http_client(stack) if queues & (LLM_USES.keys() | CHAT_QUEUES) or lane_queues else None
        models = _models(client, queues) if client else {}
        safety = _safety(client)
        image_providers = _image_providers(client) if client and "image" in queues else []
        tree_progress = TreeProgress(database)
        beside(stack, tree_progress.run(), "progress of trees")
        yield Resources(
            database=database,
            intake=Intake(lane_settings, media_settings, personas, at_door=False),
            result_ttl=media_settings.result_ttl,
            media=MediaStore(media_settings),
            personas=personas,
            tree_progress=tree_progress,
            pictures=load(PictureSettings),
            analysis_timeout=load(AnalysisSettings).analysis_timeout,
            documents=load(DocumentSettings),
            telegram=_telegram(client, required="telegram" in queues) if client else None,
            webhooks=await _webhooks(stack, database) if "webhooks" in queues else None,
            models=models,
            guard=await _guard(stack, database, models, image_providers, safety)
            if models or image_providers or safety.moderator
            else None,
            image_providers=image_providers,
            callbacks=_callbacks(database) if image_providers else None,
            safety=safety,
            pace=load(PaceSettings).pace(),
            gates=gates,
            lanes=await open_lanes(stack, lane_queues, lane_settings, database, gates, personas),
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

    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS)
    return await stack.enter_async_context(httpx.AsyncClient(limits=limits, trust_env=False))


def _telegram(client: "httpx.AsyncClient", *, required: bool) -> "Telegram | None":
    from jobs.delivery.telegram import Telegram

    settings = load(TelegramSettings) if required else _optional(TelegramSettings)
    if settings is None:
        return None
    return Telegram(client, token=settings.telegram_bot_token.get_secret_value(), api_base=settings.telegram_api_base)


async def _webhooks(stack: AsyncExitStack, database: Database) -> "Sending":
    from jobs.db.delivery import signing_keys
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
    # one call of an analysis may take as long as all of them together
    patience = {"ANALYSIS_LLM": load(AnalysisSettings).analysis_timeout}
    return {use: open_model(client, settings, use, patience=patience.get(use, 0)) for use in uses}


def _image_providers(client: "httpx.AsyncClient") -> "list[ImageProvider]":
    from jobs.providers.image_opening import open_image_providers

    return open_image_providers(client, load(ImageSettings))


def _callbacks(database: Database) -> "Callbacks":
    from jobs.imaging.callbacks import Callbacks

    # live3d signs nothing: the address that it calls is the secret
    given = frozenset({"live3d", "replicate"} if load(CallbackSettings).replicate_webhook_secret else {"live3d"})
    return Callbacks(database, load(PublicSettings).public_url or "", given)


async def _guard(
    stack: AsyncExitStack,
    database: Database,
    models: "dict[str, ChatModel]",
    images: "list[ImageProvider]",
    safety: Safety,
) -> "Guard":
    from jobs.guard.opening import open_guard

    guard = await open_guard(stack, database, models.values())
    await guard.announce({(each.provider, "image") for each in images})
    if safety.moderator:
        await guard.announce({(safety.moderator.provider, "llm")})
    return guard


def _safety(client: "httpx.AsyncClient | None") -> Safety:
    settings = load(SafetySettings)
    if client is None or settings.moderator == "none":
        return Safety(settings)
    from jobs.safety.opening import open_moderator

    return Safety(settings, open_moderator(client, settings))


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
