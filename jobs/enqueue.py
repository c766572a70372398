"""The one SQL call that makes a ticket, in the caller's transaction: rollback leaves none, commit wakes a worker."""

import json
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.queue.tickets import Ticket

__all__ = ["Ticket", "enqueue", "stop_running", "withdraw", "withdraw_all"]

# procrastinate's own SQL interface; a test pins it against the installed release
DEFER = "SELECT unnest(procrastinate_defer_jobs_v1($1::procrastinate_job_to_defer_v1[]))"
CANCEL = text("SELECT procrastinate_cancel_job_v1(:ticket_id, true, true)")
CANCEL_ALL = text("SELECT procrastinate_cancel_job_v1(id, true, true) FROM unnest(CAST(:ids AS bigint[])) AS id")
STOP = text("UPDATE procrastinate_jobs SET abort_requested = true WHERE id = ANY(:ids) AND status = 'doing'")


async def enqueue(connection: AsyncConnection, tickets: Sequence[Ticket]) -> list[int]:
    """The ids of the new tickets, in order."""
    rows = [
        (ticket.queue, ticket.task, ticket.priority, ticket.lock, None, json.dumps(ticket.arguments), ticket.run_at)
        for ticket in tickets
    ]
    # through SQLAlchemy, never the driver's own connection: as a first statement that one is outside the transaction
    return list((await connection.exec_driver_sql(DEFER, (rows,))).scalars())


async def withdraw(connection: AsyncConnection, ticket_id: int) -> None:
    """Delete a ticket that waits; ask the worker to stop one that runs. Unknown ids are ignored."""
    await connection.execute(CANCEL, {"ticket_id": ticket_id})


async def withdraw_all(connection: AsyncConnection, ticket_ids: Sequence[int]) -> None:
    """As `withdraw`, in one order, so that no two who do this wait for each other."""
    if ticket_ids:
        await connection.execute(CANCEL_ALL, {"ids": sorted(ticket_ids)})


async def stop_running(connection: AsyncConnection, ticket_ids: Sequence[int]) -> None:
    """Ask their workers to stop. A ticket that waits stays: its worker died, and another one must end what it held."""
    if ticket_ids:
        await connection.execute(STOP, {"ids": list(ticket_ids)})
