"""A job that ended without its picture: what was ordered for it is cancelled, by a worker of the queue `image`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.gpu import predictions
from jobs.db.work.jobs import Job
from jobs.enqueue import Ticket, enqueue

QUEUE = "image"


async def let_go(connection: AsyncConnection, job: Job) -> None:
    """In the transaction that ends the job."""
    if job.model is None:
        return  # only pictures are drawn with a model
    for order_id in await predictions.let_go(connection, job.id):
        await enqueue(connection, [ticket(order_id)])


def ticket(order_id: UUID, due_in: float = 0.0) -> Ticket:
    run_at = datetime.now(UTC) + timedelta(seconds=due_in) if due_in else None
    return Ticket("cancel_order", {"order_id": str(order_id)}, QUEUE, run_at=run_at)
