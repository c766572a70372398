"""What tests are made of: updates as Telegram posts them, settings, and the resources of a worker."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import structlog
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.personas import Personas
from jobs.companion.pictures import NEVER
from jobs.db.chats.chat_pace import Pace
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.delivery.telegram import Telegram
from jobs.kinds.contract import NewJob
from jobs.lanes.gates import Gates
from jobs.lanes.health import LaneHealth
from jobs.lanes.lane import Lane
from jobs.lanes.memory import GpuMemory
from jobs.media import MediaStore
from jobs.providers.comfyui.client import ComfyUI
from jobs.providers.openai_compatible import OpenAICompatible
from jobs.resources import Resources
from jobs.settings import (
    DatabaseSettings,
    EconomySettings,
    LaneSettings,
    MediaSettings,
    PersonaSettings,
    TelegramWebhookSettings,
)
from jobs.submit import Intake
from jobs.workflow import model_of

Json = dict[str, Any]

BOT_ID = 1000
TOKEN = "1000:test-token"
SECRET = "open-sesame_1"
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
USER = 7
# a host that is never asked by what only submits
SOME_LANE = "127.0.0.1:9"
NOWHERE = "postgresql://nobody:secret@127.0.0.1:9/none"


def sender(user_id: int = USER, language: str | None = "en", **more: Any) -> Json:
    person = {"id": user_id, "is_bot": False, "first_name": "Anna", **more}
    return {**person, "language_code": language} if language else person


def message(user: Json, **content: Any) -> Json:
    chat = {"id": user["id"], "type": "private", "first_name": user["first_name"]}
    return {"message_id": 5, "date": 1_760_000_000, "chat": chat, "from": user, **content}


def membership(user: Json, status: str) -> Json:
    """The person blocks ("kicked") the bot, or lets it in again ("member")."""
    bot = {"id": BOT_ID, "is_bot": True, "first_name": "Bot"}
    member: Json = {"status": "member", "user": bot}
    kicked: Json = {"status": "kicked", "user": bot, "until_date": 0}
    old, new = (member, kicked) if status == "kicked" else (kicked, member)
    chat = {"id": user["id"], "type": "private", "first_name": user["first_name"]}
    return {"chat": chat, "from": user, "date": 1_760_000_000, "old_chat_member": old, "new_chat_member": new}


@dataclass
class Door:
    """The webhook app as Telegram sees it. Every update gets a number of its own."""

    http: httpx.AsyncClient
    numbers: Iterator[int] = field(default_factory=lambda: count(700_000_000))

    async def post(self, update: Json, *, secret: str = SECRET) -> httpx.Response:
        return await self.http.post("/telegram/webhook", json=update, headers={SECRET_HEADER: secret})

    async def raw(self, body: Any, **headers: str) -> httpx.Response:
        """A body that need not be an update. Names of headers with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/telegram/webhook", content=body, headers={SECRET_HEADER: SECRET, **named})

    def update(self, kind: str, content: Json) -> Json:
        return {"update_id": next(self.numbers), kind: content}

    def text(self, words: str, *, user: int = USER, language: str | None = "en") -> Json:
        return self.update("message", message(sender(user, language), text=words))

    async def says(self, words: str, *, user: int = USER, language: str | None = "en") -> httpx.Response:
        return await self.post(self.text(words, user=user, language=language))


def webhook_app(
    database_url: str, *, hosts: str = SOME_LANE, personas_dir: Path | None = None, **telegram: Any
) -> FastAPI:
    from webhook.app import create_app

    return create_app(
        DatabaseSettings(database_url=database_url, _env_file=None),
        webhook_settings(**telegram),
        LaneSettings(comfyui_hosts=hosts, _env_file=None),
        MediaSettings(_env_file=None),
        PersonaSettings(personas_dir=str(personas_dir) if personas_dir else None, _env_file=None),
    )


def webhook_settings(**changes: Any) -> TelegramWebhookSettings:
    given = {"telegram_bot_token": TOKEN, "telegram_webhook_secret": SECRET, **changes}
    return TelegramWebhookSettings(**given, _env_file=None)


def plain_tracebacks() -> None:
    """structlog's own default draws them with all local variables, which takes seconds for each."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, renderer]
    )


@asynccontextmanager
async def opened_door(database_url: str, **settings: Any) -> AsyncIterator[Door]:
    plain_tracebacks()
    app = webhook_app(database_url, **settings)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as http:
        yield Door(http)
    await app.state.database.aclose()


# who tests something else pays nothing
FREE = EconomySettings(price_reply=0, price_picture=0, price_photo=0, _env_file=None)


@asynccontextmanager
async def worker(
    database: Database,
    *,
    llm: str = "",
    bot_api: str = "",
    comfyui: str = "",
    media: Path | None = None,
    personas_dir: Path | None = None,
    llm_timeout: float = 10,
    pace: Pace = Pace(1000, 1000, 1000, 1000),  # noqa: B008 - it cannot change
) -> AsyncIterator[Resources]:
    """A worker's resources for the stand-ins at these addresses. `pace`: faster than any test writes."""
    plain_tracebacks()
    lanes = LaneSettings(comfyui_hosts=comfyui or SOME_LANE, _env_file=None)
    storage = MediaSettings(media_url=f"file:{media}", _env_file=None) if media else MediaSettings(_env_file=None)
    own = str(personas_dir) if personas_dir else None
    personas = Personas(PersonaSettings(personas_dir=own, image_default_negative_prompt="grey fog", _env_file=None))
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        models = {use: chat_model(client, llm, timeout=llm_timeout) for use in ("REPLY_LLM", "IMAGE_PROMPT_LLM")}
        resources = Resources(
            database=database,
            result_ttl=3600,
            media=MediaStore(storage),
            personas=personas,
            # who tests something else is sent none
            pictures=NEVER,
            intake=Intake(lanes, storage, personas, FREE),
            telegram=Telegram(client, token=TOKEN, api_base=bot_api) if bot_api else None,
            models=dict(models) if llm else {},
            pace=pace,
        )
        if not comfyui:
            yield resources
            return
        async with unwatched_lane("gpu-0", comfyui, database) as lane:
            resources.lanes["gpu-0"] = lane
            yield resources


@asynccontextmanager
async def unwatched_lane(
    queue: str, host: str, database: Database, gates: Gates | None = None, **health: Any
) -> AsyncIterator[Lane]:
    """A lane whose health is noticed; it is only written down where the test runs `lane.health.run()` beside."""
    gates = gates or Gates()
    client = ComfyUI(host, offline_timeout=0.5, cancel_grace=0.5)
    watch = LaneHealth(queue, host, database, gates, **health)
    lane = Lane(queue, client, watch, gates, GpuMemory(queue, client, database))
    client.on_connection = lane.heard
    async with client:
        yield lane


async def warm(database: Database, *lanes: str) -> None:
    """Their GPUs hold the model of the persona that draws where none is named."""
    model = model_of(Personas(PersonaSettings(_env_file=None)).default.graph)
    upsert = text(
        "INSERT INTO lanes (queue, host, loaded) VALUES (:queue, 'host', :model)"
        " ON CONFLICT (queue) DO UPDATE SET loaded = excluded.loaded"
    )
    async with database.transaction() as connection:
        for queue in lanes:
            await connection.execute(upsert, {"queue": queue, "model": model})


def chat_model(client: httpx.AsyncClient, base_url: str, *, timeout: float = 10, **changes: Any) -> OpenAICompatible:
    given: Json = {"api_key": "", "model": "scripted", "context_tokens": 3000, "timeout": timeout, **changes}
    return OpenAICompatible(client, base_url=f"{base_url}/v1" if base_url else "http://127.0.0.1:9/v1", **given)


async def submit(resources: Resources, kind: str, given: Json, **more: Any) -> Job:
    new = NewJob(kind, given, more.pop("owner", f"telegram:{USER}"), **more)
    async with resources.database.transaction() as connection:
        return await resources.intake.submit(connection, new)


def to_chat(user: int = USER, locale: str = "en") -> Json:
    return {"telegram": {"chat_id": user, "locale": locale}}


async def job(database: Database, job_id: UUID) -> Job:
    async with database.transaction() as connection:
        found = await job_rows.get(connection, job_id)
    assert found is not None, "there is no such job"
    return found


async def all_jobs(database: Database) -> list[Job]:
    found = await rows(database, "SELECT id FROM jobs ORDER BY created_at, id")
    return [await job(database, row["id"]) for row in found]


async def rows(database: Database, query: str, **values: Any) -> list[Json]:
    async with database.transaction() as connection:
        return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]


async def value(database: Database, query: str, **values: Any) -> Any:
    [row] = await rows(database, query, **values)
    [found] = row.values()
    return found


async def execute(database: Database, *statements: str) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


async def add_user(connection: AsyncConnection, user_id: int = USER) -> None:
    insert = text("INSERT INTO telegram_users (user_id, first_name) VALUES (:id, 'Anna') ON CONFLICT DO NOTHING")
    await connection.execute(insert, {"id": user_id})


async def tickets(database: Database) -> list[Json]:
    return await rows(
        database,
        "SELECT id, queue_name, task_name, priority, lock, args, status::text, scheduled_at"
        " FROM procrastinate_jobs ORDER BY id",
    )


async def chat_texts(database: Database, user: int = USER) -> list[str]:
    """What was planned to be said to the person, in order."""
    query = "SELECT payload->>'text' AS text FROM deliveries WHERE destination = :user AND payload ? 'text' ORDER BY id"
    return [row["text"] for row in await rows(database, query, user=str(user))]


async def chat_payloads(database: Database, user: int = USER) -> list[Json]:
    """The same with all that is not words: pictures, edits, buttons."""
    query = "SELECT payload FROM deliveries WHERE destination = :user ORDER BY id"
    return [row["payload"] for row in await rows(database, query, user=str(user))]


async def refuse_words(database: Database, words: str) -> None:
    """From now on the database refuses to store a chat message with these words."""
    await execute(
        database,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
        "CREATE TRIGGER refuse AFTER INSERT ON chat_messages FOR EACH ROW"
        f" WHEN (NEW.content = '{words}') EXECUTE FUNCTION refuse()",
    )
