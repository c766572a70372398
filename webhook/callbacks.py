"""POST /callbacks/replicate: it says that a picture is done. Verified, written down, and then it is the job's turn.

What it says is a hint: a worker asks the provider itself, so nothing of the body but the order's name is of use.
"""

import json
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, Response
from starlette.responses import PlainTextResponse

from jobs.db.access import installation_secrets
from jobs.db.commit import DATABASE_ERRORS
from jobs.db.gpu import predictions
from jobs.db.session import Database
from jobs.signatures import NotVerified, verify
from jobs.storable import is_storable
from webhook.body import TooLarge, read

log = structlog.get_logger()

router = APIRouter()

# logs and small pictures may be in it
LARGEST_BODY = 5_000_000
SOON = {"Retry-After": "10"}


@dataclass(frozen=True)
class Told:
    prediction_id: str
    status: str | None


@router.post("/callbacks/replicate", include_in_schema=False)
async def replicate(request: Request, order: Annotated[str, Query(max_length=100)] = "") -> Response:
    database: Database = request.app.state.database
    try:
        body = await read(request, LARGEST_BODY)
        secret = await _secret(request)
        if secret is None:
            # no worker has placed an order yet, so it is none of ours; or it has not asked for the secret
            return PlainTextResponse("Nobody here knows yet what these calls are signed with.", 503, SOON)
        verify(request.headers, body, secrets=[secret])
        told = parse(body)
        async with database.transaction() as connection:
            awaited = await predictions.hear(
                connection,
                "replicate",
                request.headers["webhook-id"],
                order_id=_uuid(order),
                prediction_id=told.prediction_id,
                status=told.status,
            )
    except TooLarge:
        return PlainTextResponse(f"A call is at most {LARGEST_BODY // 1_000_000} MB.", 413)
    except NotVerified as failure:
        log.warning("a call that is not replicate's was refused", check=failure.check)
        return PlainTextResponse(failure.detail, 401)
    except (ValueError, RecursionError):
        return PlainTextResponse("The body is not a prediction.", 400)
    except DATABASE_ERRORS:
        log.exception("a call could not be written down")
        return Response(status_code=503, headers=SOON)
    log.info("provider called back", provider="replicate", order=order, status=told.status, awaited=awaited)
    return Response(status_code=200)


def parse(body: bytes) -> Told:
    """Raises ValueError for what is not a prediction."""
    prediction = json.loads(body)
    found = prediction.get("id") if isinstance(prediction, dict) else None
    if not isinstance(found, str) or not found or not is_storable(found):
        raise ValueError("not a prediction")
    status = prediction.get("status")
    return Told(found, status if status in ("succeeded", "failed", "canceled", "aborted") else None)


async def _secret(request: Request) -> str | None:
    """The operator's, or what a worker was told by the provider."""
    if given := request.app.state.callbacks.replicate_webhook_secret:
        return str(given.get_secret_value())
    async with request.app.state.database.statement() as connection:
        found = await installation_secrets.find(connection, "callbacks:replicate")
    return None if found is None else found.decode()


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
