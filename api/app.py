"""The REST door: `uvicorn api.app:app`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import Depends, FastAPI

from api import docs_page, error_page, health, openapi, problems, status_page, webhook_events
from api.answer_headers import AnswerHeaders
from api.body_limit import BodyLimit
from api.known_parameters import require_known_parameters
from api.queue_lines import QueueLines
from api.routers import PASSED_ON, ROUTERS
from api.streams import event_streams
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
    opened = Database(database, pool_size=CONNECTIONS)
    known = Personas(personas).checked()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(opened.aclose)
            stack.push_async_callback(app.state.hub.aclose)
            for part in PARTS:
                await stack.enter_async_context(part(app))
            yield

    # a redirect to the same address without its slash would leave https behind a proxy that ends it
    # /docs: see docs_page
    app = FastAPI(
        title="Postgen", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.database = opened
    app.state.hub = EventHub(database)
    app.state.intake = Intake(lanes, media, known)
    app.state.lines = QueueLines()
    app.state.media = MediaStore(media)
    app.state.personas = known
    app.state.public_url = (public.public_url or "").rstrip("/")
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
