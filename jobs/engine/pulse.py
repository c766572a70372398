"""Keeps a worker alive in the eyes of the others: a silent one loses its tickets to them."""

import asyncio
import logging
import os
import socket

from procrastinate.exceptions import ConnectorException

from jobs.connector import QueueConnector, is_loss
from jobs.engine import statements
from jobs.engine.side_tasks import pause

log = logging.getLogger(__name__)


class Pulse:
    """Beats from registration until the last ticket has ended, draining included.

    Each beat also says who beats: what serves which queues is read from the table `workers`.
    """

    def __init__(
        self, connector: QueueConnector, worker_id: int, *, interval: float, name: str, queues: list[str]
    ) -> None:
        self.connector = connector
        self.worker_id = worker_id
        self.who = {"name": name, "queues": queues, "host": socket.gethostname(), "pid": os.getpid()}
        self.interval = interval
        self.due = asyncio.Event()
        self.steady_since: float | None = None

    def steady_for(self) -> float:
        """Seconds since when every beat went through."""
        return 0.0 if self.steady_since is None else asyncio.get_running_loop().time() - self.steady_since

    async def run(self) -> None:
        while True:
            beaten = await self._beat()
            await pause(self.interval if beaten else min(self.interval, self.connector.patience.pause), self.due)
            self.due.clear()

    async def _beat(self) -> bool:
        try:
            await self.connector.run(statements.HEARTBEAT, worker_id=self.worker_id, **self.who)
        except (ConnectorException, OSError) as error:
            if not is_loss(error):
                log.exception("heartbeat failed")
            self.steady_since = None
            return False
        if self.steady_since is None:
            self.steady_since = asyncio.get_running_loop().time()
        return True
