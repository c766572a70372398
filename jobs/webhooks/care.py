"""Periodic care for webhooks: those whose next attempt is due get their tickets."""

from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.session import Database
from jobs.webhooks.plan import send_tickets
from jobs.webhooks.windows import WIDEST

# what an endpoint can take at a time; each that arrives then brings on the next one
EACH = WIDEST


async def enqueue_due(database: Database) -> int:
    """How many got a ticket. Of an endpoint with many due only the first few: it may be one that hangs."""
    async with database.transaction() as connection:
        due = await deliveries.take_due(connection, EACH)
        await send_tickets(connection, due)
    return len(due)
