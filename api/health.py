"""/healthz says that the process lives, /readyz that it can take work, /metrics what waits where."""

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from jobs import metrics
from jobs.db.health import problems
from jobs.db.schema import HEAD
from jobs.events.hub import EventHub

router = APIRouter(include_in_schema=False)

DEAF = (
    "Events are not heard: there is no LISTEN connection to PostgreSQL at the moment. It comes by itself; if it does"
    " not, let DATABASE_LISTEN_URL lead to PostgreSQL and not to a pooler."
)
LEAVING = "This process is about to stop."


@router.get("/healthz")
async def alive() -> Response:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def ready(request: Request) -> Response:
    """Accepting work and telling of it: the database, its schema, and the ear for events. Not any more at the end."""
    hub: EventHub = request.app.state.hub
    found = await problems(request.app.state.database)
    if not found and not hub.listening:
        found = [DEAF]
    if hub.draining:
        found = [LEAVING]
    told = {"ready": not found, "problems": found, "schema": HEAD, "listening": hub.listening}
    return JSONResponse(told, status_code=503 if found else 200)


@router.get("/metrics")
async def measure(request: Request) -> Response:
    return Response(await metrics.render(request.app.state.database), media_type=metrics.CONTENT_TYPE)
