"""An order that nobody wants any more is cancelled at its provider: its job ended without it."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from jobs.db.gpu import predictions
from jobs.db.gpu.predictions import Prediction
from jobs.db.session import Database
from jobs.enqueue import enqueue
from jobs.errors import PostgenError, TemporaryError
from jobs.imaging.letting_go import ticket
from jobs.imaging.orders import GIVEN_UP_SECONDS, LOOK_AGAIN_SECONDS, SETTLED_SECONDS, find
from jobs.providers.image_failures import OrderUnknown
from jobs.providers.image_provider import ImageProvider

log = structlog.get_logger()


async def cancel_order(database: Database, providers: Sequence[ImageProvider], order_id: UUID) -> None:
    """What cannot be done now gets another ticket."""
    async with database.statement() as connection:
        order = await predictions.unwanted(connection, order_id)
    provider = next((each for each in providers if order and each.provider == order.provider), None)
    if order is None:
        return  # it was done before
    wait = await _cancel(database, provider, order) if provider else None
    async with database.transaction() as connection:
        if wait is None:
            await predictions.over(connection, order_id, "cancelled")
        else:
            await enqueue(connection, [ticket(order_id, wait)])


async def _cancel(database: Database, provider: ImageProvider, order: Prediction) -> float | None:
    """Seconds until it is worth another try; None when there is nothing left to do."""
    if order.prediction_id is None and order.age < SETTLED_SECONDS:
        return SETTLED_SECONDS - order.age
    try:
        # not through the guard: it spares a provider work, and is no reason to open a breaker
        prediction_id = order.prediction_id or await find(database, provider, order)
        if prediction_id:
            await provider.cancel(prediction_id)
    except OrderUnknown:
        return None
    except PostgenError as error:
        if isinstance(error, TemporaryError) and order.age < GIVEN_UP_SECONDS:
            return LOOK_AGAIN_SECONDS if error.retry_in is None else max(1.0, error.retry_in)
        log.warning("an order could not be cancelled", provider=order.provider, order=str(order.id), code=error.code)
    return None
