"""The statement that takes tickets out of queues: one round trip for all queues, each through its own partial index.

It does what procrastinate_fetch_job_v2 does, for several queues and tickets at once. The queue's name stands in the
text, not in a parameter: only so may PostgreSQL keep one plan and have it use the partial index, whose condition names
the queue. Planning anew each time, which a parameter would need, takes longer than the fetch.
An operator may hold a queue, which is a row of paused_queues; the answer is the same for all its tickets, so it is
looked up once.
The OR keeps the question for the lock out of the joins: tickets without one never ask it.
"""

from collections.abc import Mapping
from functools import lru_cache

from psycopg import sql

COLUMNS = "id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id"

# a lock's tickets run one at a time, the first by priority and age first, whatever their queues
TAKE = """
(
    WITH candidate AS (
        SELECT ticket.id, ticket.priority FROM procrastinate_jobs AS ticket
         WHERE ticket.status = 'todo' {of_queue}
           AND NOT EXISTS (SELECT FROM paused_queues WHERE name = {queue} AND mode = 'hold')
           AND (ticket.scheduled_at IS NULL OR ticket.scheduled_at <= now())
           AND (ticket.lock IS NULL OR NOT EXISTS (
               SELECT FROM procrastinate_jobs AS other
                WHERE other.lock = ticket.lock
                  AND (other.status = 'doing'
                       OR (other.status = 'todo'
                           AND (other.priority > ticket.priority
                                OR (other.priority = ticket.priority AND other.id < ticket.id))))))
         ORDER BY ticket.priority DESC, ticket.id LIMIT {count} FOR UPDATE OF ticket SKIP LOCKED
    )
    UPDATE procrastinate_jobs AS taken SET status = 'doing', worker_id = %(worker_id)s
      FROM {chosen} WHERE taken.id = candidate.id RETURNING taken.*
)"""
# Some of them, where all workers together may run only so many: who counts holds the queue, and the next one counts
# these too. The candidates are chosen without this number, so that their plan is the same as in other queues.
WITHIN_LIMIT = """(
          SELECT id FROM candidate ORDER BY priority DESC, id
           LIMIT CASE WHEN EXISTS (SELECT FROM candidate) THEN postgen_room({queue}, {most}) ELSE 0 END
      ) AS candidate"""


def statement(wanted: Mapping[str | None, int], limits: Mapping[str, int] | None = None) -> str:
    """Takes at most so many tickets of each queue; the queue None stands for all of them.

    `limits`: how many tickets of a queue may run in all workers together, for queues that have such a limit.
    """
    return _statement(tuple((queue, count, (limits or {}).get(queue or "")) for queue, count in wanted.items()))


# few texts come up again and again, and each must be the same text to be prepared once
@lru_cache(maxsize=256)
def _statement(wanted: tuple[tuple[str | None, int, int | None], ...]) -> str:
    takes = ", ".join(f"queue_{n} AS {_take(*each)}" for n, each in enumerate(wanted))
    found = " UNION ALL ".join(f"SELECT {COLUMNS} FROM queue_{n}" for n in range(len(wanted)))
    return f"WITH {takes} {found}"


def _take(queue: str | None, count: int, most: int | None) -> str:
    literal = sql.Literal(queue).as_string(None).replace("%", "%%")
    of_queue, name = ("", "ticket.queue_name") if queue is None else (f"AND ticket.queue_name = {literal}", literal)
    chosen = "candidate" if most is None else WITHIN_LIMIT.format(queue=name, most=int(most))
    return TAKE.format(of_queue=of_queue, queue=name, count=int(count), chosen=chosen)
