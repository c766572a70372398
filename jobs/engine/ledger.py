"""Writes down what became of tickets: in batches, beside the work, for as long as the database takes to come back."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job

from jobs.connector import QueueConnector
from jobs.engine import statements
from jobs.engine.outcome import Outcome

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    job: Job
    outcome: Outcome


class Ledger:
    """`on_settled` hears of each ticket whose end is written, or given up: then the reconciliation finds it."""

    def __init__(
        self, connector: QueueConnector, worker_id: int, *, keep: bool, on_settled: Callable[[Job], None]
    ) -> None:
        self.connector = connector
        self.worker_id = worker_id
        self.keep = keep
        self.on_settled = on_settled
        self.pending: list[Entry] = []
        self.due = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()

    def put(self, job: Job, outcome: Outcome) -> None:
        self.pending.append(Entry(job, outcome))
        self.empty.clear()
        self.due.set()

    async def run(self) -> None:
        while True:
            await self.due.wait()
            self.due.clear()
            batch, self.pending = self.pending, []
            try:
                await self._write(batch)
            finally:
                for entry in batch:
                    self.on_settled(entry.job)
                if not self.pending:
                    self.empty.set()

    async def _write(self, batch: list[Entry]) -> None:
        await self._finish([entry.job for entry in batch if entry.outcome.kind == "done"])
        for entry in batch:
            if entry.outcome.kind != "done":
                await self._requeue(entry)

    async def _finish(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        statement = statements.KEEP if self.keep else statements.DELETE
        await self.connector.insist(statement, ids=[job.id for job in jobs], worker_id=self.worker_id)
        locks = sorted({job.lock for job in jobs if job.lock})
        if locks:
            await self.connector.insist(statements.ANNOUNCE_NEXT, locks=locks)

    async def _requeue(self, entry: Entry) -> None:
        try:
            await requeue(self.connector, self.worker_id, entry.job.id, entry.outcome)
        except ConnectorException:
            log.exception("ticket %s could not be given back", entry.job.id)


async def requeue(connector: QueueConnector, worker_id: int, ticket_id: int | None, outcome: Outcome) -> None:
    try:
        if outcome.kind == "back":
            await connector.insist(statements.GIVE_BACK, id=ticket_id, worker_id=worker_id)
        else:
            await connector.insist(statements.RETRY_LATER, id=ticket_id, worker_id=worker_id, wait=outcome.wait)
    except UniqueViolation:
        # its twin with the same queueing lock waits already and will do the same work
        await connector.insist(statements.DELETE, ids=[ticket_id], worker_id=worker_id)
