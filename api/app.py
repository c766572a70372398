"""The REST door: `uvicorn api.app:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import health, status_page
from jobs.db.session import Database
from jobs.log import configure
from jobs.settings import DatabaseSettings, load
from jobs.startup import or_exit


def create_app(database: DatabaseSettings) -> FastAPI:
    opened = Database(database)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        yield
        await opened.aclose()

    app = FastAPI(title="Postgen", description="A generation backend that calls you back.", lifespan=lifespan)
    app.state.database = opened
    app.include_router(health.router)
    app.include_router(status_page.router)
    return app


def _from_environment() -> FastAPI:
    configure("api")
    return create_app(load(DatabaseSettings))


def __getattr__(name: str) -> FastAPI:
    """`app` is built when a server asks for it, so that importing this module needs no environment."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = app = or_exit("api", _from_environment)
    return app
