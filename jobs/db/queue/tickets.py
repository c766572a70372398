"""What carries work to a worker, and how a statement that writes the work makes its ticket in the same breath."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, DateTime, Integer, Text, bindparam

Json = dict[str, Any]


@dataclass(frozen=True)
class Ticket:
    """`lock` makes tickets of one name run one at a time and in order; higher `priority` first within a queue."""

    task: str
    arguments: Json
    queue: str
    priority: int = 0
    lock: str | None = None
    run_at: datetime | None = None


PARAMETERS: tuple[BindParameter[Any], ...] = (
    bindparam("ticket_queue", type_=Text),
    bindparam("ticket_task", type_=Text),
    bindparam("ticket_priority", type_=Integer),
    bindparam("ticket_lock", type_=Text),
    bindparam("ticket_run_at", type_=DateTime(timezone=True)),
)


def making_ticket(arguments: str) -> str:
    """The id of a new ticket, as an expression; `arguments` is one of jsonb. It goes with PARAMETERS and `values`.

    procrastinate's own SQL interface, as in jobs/enqueue.py.
    """
    row = f"ROW(:ticket_queue, :ticket_task, :ticket_priority, :ticket_lock, NULL, {arguments}, :ticket_run_at)"
    return f"(procrastinate_defer_jobs_v1(ARRAY[{row}::procrastinate_job_to_defer_v1]))[1]"


def values(ticket: Ticket) -> Json:
    """All but its arguments."""
    return {
        "ticket_queue": ticket.queue,
        "ticket_task": ticket.task,
        "ticket_priority": ticket.priority,
        "ticket_lock": ticket.lock,
        "ticket_run_at": ticket.run_at,
    }
