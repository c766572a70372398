"""POST /callbacks/live3d/{order_id}: a provider that signs nothing says that an order is worth a look.

The order's id is random and known to that provider alone, and nothing that the call says is believed: whoever guessed
one would make a worker look once.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.provider import order_calls
from jobs.db.session import Database

router = APIRouter()

PROVIDER = "live3d"
TRY_AGAIN = {"Retry-After": "5"}


@router.post("/callbacks/live3d/{order_id}", include_in_schema=False)
async def order_call(request: Request, order_id: str) -> Response:
    database: Database = request.app.state.database
    try:
        wanted = UUID(order_id)
    except ValueError:
        return Response(status_code=404)
    try:
        async with database.transaction() as connection:
            known = await order_calls.heard(connection, PROVIDER, wanted)
    except DATABASE_ERRORS:
        return Response(status_code=503, headers=TRY_AGAIN)
    return Response(status_code=204 if known else 404)
