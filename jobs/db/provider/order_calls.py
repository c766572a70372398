"""A provider says that something has become of an order, and nothing more: a worker looks at it at once."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.gpu.predictions import BRING_FORWARD, HOLD_JOB

JOB_OF = text("SELECT job_id FROM predictions WHERE id = :order_id AND provider = :provider")
# who calls again and again is not looked at more often than who does not call
CALLED = text(
    "UPDATE predictions SET called_at = now() WHERE id = :order_id AND state IN ('placing', 'placed')"
    " AND called_at IS NULL RETURNING id"
)


async def heard(connection: AsyncConnection, provider: str, order_id: UUID) -> bool:
    """Whether there is such an order. After its first call the order is looked at from time to time."""
    values = {"provider": provider, "order_id": order_id}
    job_id = (await connection.execute(JOB_OF, values)).scalar()
    if job_id is None:
        return False
    # jobs before their orders, as everybody locks them
    held = (await connection.execute(HOLD_JOB, {"job_id": job_id})).first()
    if held and (await connection.execute(CALLED, {"order_id": order_id})).first():
        await connection.execute(BRING_FORWARD, {"ticket_id": held.ticket_id})
    return True
