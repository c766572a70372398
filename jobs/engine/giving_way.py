"""Who waits inside a full queue's provider, and should let somebody go first that came after?

A lane's second place is taken early, so that its GPU never idles. A step of a world that only waits there would go
before a picture that a person in a chat waits for; it gives its place back, which costs it nothing.
"""

from collections.abc import Iterable

from procrastinate.jobs import Job
from psycopg import sql

from jobs.connector import QueueConnector

# in priority, where a person in a chat has 100 more than others; less is the usual order of turns
FAR_BEHIND = 50
# then it is fetched again, if there is room
AGAIN_SECONDS = 1.0

FIRST = """
(SELECT queue_name, priority FROM procrastinate_jobs
  WHERE status = 'todo' AND queue_name = {queue} AND (scheduled_at IS NULL OR scheduled_at <= now())
    AND NOT EXISTS (SELECT FROM paused_queues WHERE name = {queue})
  ORDER BY priority DESC, id LIMIT 1)"""


async def to_give_way(connector: QueueConnector, waiting: Iterable[Job]) -> list[int]:
    """Of tickets that have not begun, in queues without room: at most one of each queue, the last in its order."""
    last: dict[str, Job] = {}
    for job in waiting:
        if job.queue not in last or _rank(job) < _rank(last[job.queue]):
            last[job.queue] = job
    if not last:
        return []
    rows = await connector.run(_firsts(sorted(last)))
    first = {row["queue_name"]: row["priority"] for row in rows}
    return [
        job.id for queue, job in last.items() if job.id and first.get(queue, job.priority) - job.priority > FAR_BEHIND
    ]


def _rank(job: Job) -> tuple[int, int]:
    return job.priority, -(job.id or 0)


def _firsts(queues: list[str]) -> str:
    # named in the text, for the partial index of each queue: see fetch
    names = [sql.Literal(queue).as_string(None).replace("%", "%%") for queue in queues]
    return " UNION ALL ".join(FIRST.format(queue=name) for name in names)
