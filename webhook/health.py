"""/healthz says that the process lives, /readyz that it can take work, /metrics what waits where."""

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from jobs import metrics
from jobs.db.health import problems

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def alive() -> Response:
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def ready(request: Request) -> Response:
    found = await problems(request.app.state.database)
    return JSONResponse({"ready": not found, "problems": found}, status_code=503 if found else 200)


@router.get("/metrics")
async def measure(request: Request) -> Response:
    return Response(await metrics.render(request.app.state.database), media_type=metrics.CONTENT_TYPE)
