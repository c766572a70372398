"""The Telegram door: `uvicorn webhook.app:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.operating.registration import MAX_CONNECTIONS
from jobs.companion.personas import Personas
from jobs.db.session import Database
from jobs.log import configure
from jobs.settings import (
    CallbackSettings,
    DatabaseSettings,
    LaneSettings,
    MediaSettings,
    PersonaSettings,
    TelegramWebhookSettings,
    load,
)
from jobs.startup import or_exit
from jobs.submit import Intake
from webhook import aiogram_import, callbacks, health, order_calls, routes
from webhook.dispatch import Dispatch
from webhook.updates import Updates

# imported first, before anything here imports aiogram itself
assert aiogram_import


def create_app(
    database: DatabaseSettings,
    telegram: TelegramWebhookSettings,
    lanes: LaneSettings,
    media: MediaSettings,
    personas: PersonaSettings,
) -> FastAPI:
    opened = Database(database, pool_size=MAX_CONNECTIONS)
    known = Personas(personas).checked()
    intake = Intake(lanes, media, known)
    rules = load(BotSettings)
    dispatch = Dispatch(telegram.telegram_bot_token.get_secret_value(), intake.wallet, rules)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        yield
        await opened.aclose()

    app = FastAPI(title="Postgen webhook", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.database = opened
    app.state.secret = telegram.telegram_webhook_secret.get_secret_value().encode()
    app.state.updates = Updates(telegram.bot_id, opened, intake, known, dispatch, rules)
    app.state.callbacks = load(CallbackSettings)
    app.include_router(routes.router)
    app.include_router(callbacks.router)
    app.include_router(order_calls.router)
    app.include_router(health.router)
    return app


def _from_environment() -> FastAPI:
    configure("webhook")
    groups = (DatabaseSettings, TelegramWebhookSettings, LaneSettings, MediaSettings, PersonaSettings)
    return create_app(*(load(group) for group in groups))  # type: ignore[arg-type] # in the order of its parameters


def __getattr__(name: str) -> FastAPI:
    """`app` is built when a server asks for it, so that importing this module needs no environment."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = app = or_exit("webhook", _from_environment)
    return app
