"""The REST app over a database of the test's own, and clients with keys of different owners."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import furnish, unfurnished
from jobs.db.access import api_keys
from jobs.db.session import Database
from jobs.settings import DatabaseSettings, LaneSettings, MediaSettings, PersonaSettings, PublicSettings
from tests.factories import SOME_LANE, plain_tracebacks

ANNA, BORIS, OPERATOR = "account:anna", "account:boris", "account:operator"
BASE_URL = "http://api"


@dataclass
class Api:
    """Clients that carry a key: two accounts that know nothing of each other, an operator; and one without a key."""

    app: FastAPI
    anna: httpx.AsyncClient
    boris: httpx.AsyncClient
    admin: httpx.AsyncClient
    nobody: httpx.AsyncClient

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database


# to put together all that is answered takes longer than most tests
FREE: list[FastAPI] = []


def rest_app(database_url: str, *, hosts: str = SOME_LANE, **public: Any) -> FastAPI:
    app = FREE.pop() if FREE else unfurnished()
    furnish(
        app,
        DatabaseSettings(database_url=database_url, _env_file=None),
        LaneSettings(comfyui_hosts=hosts, _env_file=None),
        MediaSettings(_env_file=None),
        PersonaSettings(_env_file=None),
        PublicSettings(**public, _env_file=None),
    )
    return app


async def new_key(database: Database, owner: str, *, scopes: tuple[str, ...] = ("jobs",), **more: Any) -> str:
    async with database.transaction() as connection:
        key, _ = await api_keys.insert(connection, owner=owner, scopes=scopes, **more)
    return key


def client(app: FastAPI, key: str | None = None, **more: Any) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, **more), base_url=BASE_URL, headers=headers)


@asynccontextmanager
async def opened_api(database_url: str, **settings: Any) -> AsyncIterator[Api]:
    plain_tracebacks()
    app = rest_app(database_url, **settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        database: Database = app.state.database
        keys = {
            "anna": await new_key(database, ANNA),
            "boris": await new_key(database, BORIS),
            "admin": await new_key(database, OPERATOR, scopes=("jobs", "admin")),
            "nobody": None,
        }
        clients = {name: await stack.enter_async_context(client(app, key)) for name, key in keys.items()}
        yield Api(app, **clients)
    app.dependency_overrides.clear()
    FREE.append(app)
