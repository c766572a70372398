"""The REST door: `uvicorn api.app:app`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import Depends, FastAPI
from starlette.datastructures import State

from api import docs_page, error_page, health, openapi, problems, status_page, webhook_events
from api.answers.answer_headers import AnswerHeaders
from api.answers.queue_lines import QueueLines
from api.requests.body_limit import BodyLimit
from api.requests.known_parameters import require_known_parameters
from api.routers import PASSED_ON, ROUTERS
from api.streaming.streams import event_streams
from jobs.companion.personas import Personas
from jobs.db.session import Database
from jobs.events.hub import EventHub
from jobs.log import configure
from jobs.media import MediaStore
from jobs.settings import DatabaseSettings, LaneSettings, MediaSettings, PersonaSettings, PublicSettings, load
from jobs.startup import or_exit
from jobs.submit import Intake

# kept open: beyond these every request pays for a connection of its own
CONNECTIONS = 20
# what runs beside the requests: entered when the app starts, left in reverse order before the database is closed
PARTS: tuple[Callable[[FastAPI], AbstractAsyncContextManager[None]], ...] = (event_streams,)


def create_app(
    database: DatabaseSettings,
    lanes: LaneSettings,
    media: MediaSettings,
    personas: PersonaSettings,
    public: PublicSettings,
) -> FastAPI:
    app = unfurnished()
    furnish(app, database, lanes, media, personas, public)
    return app


def unfurnished() -> FastAPI:
    """All that is answered, and nothing behind it yet."""
    # a redirect to the same address without its slash would leave https behind a proxy that ends it
    # /docs: see docs_page
    app = FastAPI(
        title="Postgen", version="1", lifespan=_lifespan, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(AnswerHeaders)
    problems.install(app)
    openapi.install(app)
    webhook_events.install(app)
    app.include_router(health.router)
    app.include_router(status_page.router)
    app.include_router(error_page.router)
    docs_page.install(app)
    for router in ROUTERS:
        strict = [] if router in PASSED_ON else [Depends(require_known_parameters)]
        app.include_router(router, dependencies=strict)
    return app


def furnish(
    app: FastAPI,
    database: DatabaseSettings,
    lanes: LaneSettings,
    media: MediaSettings,
    personas: PersonaSettings,
    public: PublicSettings,
) -> None:
    """What requests are answered with, in place of what there was. Raises Misconfigured."""
    known = Personas(personas).checked()
    app.state = State(
        {
            "database": Database(database, pool_size=CONNECTIONS),
            "hub": EventHub(database),
            "intake": Intake(lanes, media, known),
            "lines": QueueLines(),
            "media": MediaStore(media),
            "personas": known,
            "public_url": (public.public_url or "").rstrip("/"),
        }
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.state.database.aclose)
        stack.push_async_callback(app.state.hub.aclose)
        for part in PARTS:
            await stack.enter_async_context(part(app))
        yield


def _from_environment() -> FastAPI:
    configure("api")
    groups = (DatabaseSettings, LaneSettings, MediaSettings, PersonaSettings, PublicSettings)
    return create_app(*(load(group) for group in groups))  # type: ignore[arg-type] # in the order of its parameters


def __getattr__(name: str) -> FastAPI:
    """`app` is built when a server asks for it, so that importing this module needs no environment."""
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = app = or_exit("api", _from_environment)
    return app
