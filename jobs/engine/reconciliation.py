"""Keeps the tickets that the database thinks a worker runs in step with those that it really runs."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

from procrastinate.exceptions import ConnectorException

from jobs.connector import QueueConnector, is_loss
from jobs.engine import statements
from jobs.engine.ledger import requeue
from jobs.engine.outcome import BACK
from jobs.engine.side_tasks import pause

log = logging.getLogger(__name__)


class Reconciliation:
    """Finds tickets whose fetch was never answered, or whose end was never written, and cancellations nobody heard.

    `fetching` is held by whoever fetches: a ticket on its way into this process must not look forgotten.
    `known` are the tickets from their arrival until their end is written.
    """

    def __init__(
        self, connector: QueueConnector, worker_id: int, *, interval: float, fetching: asyncio.Lock,
        known: Collection[int], on_abort: Callable[[Iterable[int]], None],
    ) -> None:  # fmt: skip
        self.connector = connector
        self.worker_id = worker_id
        self.interval = interval
        self.fetching = fetching
        self.known = known
        self.on_abort = on_abort
        self.due = asyncio.Event()

    async def run(self) -> None:
        while True:
            try:
                await self._reconcile()
            except (ConnectorException, OSError) as error:
                if not is_loss(error):
                    raise
            await pause(self.interval, self.due)
            self.due.clear()

    async def _reconcile(self) -> None:
        async with self.fetching:
            # as they were before we asked: one that ends meanwhile is not forgotten
            known = set(self.known)
            held = await self.connector.run(statements.HELD, worker_id=self.worker_id)
            for row in held:
                if row["id"] not in known:
                    log.warning("ticket %s is ours by the book but does not run here, giving it back", row["id"])
                    await requeue(self.connector, self.worker_id, row["id"], BACK)
        self.on_abort([row["id"] for row in held if row["abort_requested"]])
