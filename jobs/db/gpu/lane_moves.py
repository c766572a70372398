"""Waiting tickets change lanes: away from one that is down or that nobody serves, or to one that ran dry."""

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from jobs.db.gpu.lanes import SERVED

# A worker that stops leaves what its GPU draws to the next worker there, which in a deployment comes within seconds.
# Elsewhere it would be drawn a second time.
ADOPTABLE = (
    "(jobs.progress <> '{}' AND EXISTS (SELECT FROM job_events AS latest WHERE latest.job_id = jobs.id"
    " AND latest.seq = jobs.event_seq AND latest.type = 'job.requeued'"
    " AND latest.created_at > now() - interval '30 seconds'))"
)

# The rest of a statement that has found out which ticket goes which way: (id, source, target, shift), the last one of
# turns. Ticket and job go together, the job's event tells why, and the target's workers are told.
CHANGE = (
    " ticket AS (UPDATE procrastinate_jobs AS ticket SET queue_name = way.target,"
    "   priority = ticket.priority - way.shift FROM way WHERE ticket.id = way.id"
    "  RETURNING ticket.id, ticket.args, way.source, way.target, way.shift),"
    " job AS (UPDATE jobs SET queue = ticket.target, turn = jobs.turn + ticket.shift, event_seq = event_seq + 1"
    "  FROM ticket WHERE jobs.id = CAST(ticket.args->>'job_id' AS uuid)"
    "  RETURNING jobs.id, jobs.owner, jobs.event_seq, ticket.source, ticket.target),"
    " event AS (INSERT INTO job_events (job_id, owner, seq, type, data) SELECT id, owner, event_seq, 'job.moved',"
    "  jsonb_build_object('from', source, 'to', target, 'reason', CAST(:reason AS text)) FROM job) "
    "SELECT target, count(*), pg_notify('procrastinate_queue_v1#' || target,"
    "  json_build_object('type', 'job_inserted', 'job_id', max(id))::text) FROM ticket GROUP BY target"
)

# From each source lane every waiting ticket goes to one of the lanes that take work, in turn. A turn counts from what
# its lane serves now, so it is counted anew from what the other lane serves; the priority holds the turn.
# What was not begun and needs another model than the GPU holds goes behind what waits there: mixed, each changes it.
# A cancel changes the job before its ticket: whoever moves both takes both or passes on, and never waits for the other.
MOVE = text(
    "WITH target AS (SELECT queue, turn, loaded, row_number() OVER (ORDER BY queue) - 1 AS number,"
    "   count(*) OVER () AS total,"
    "   (SELECT count(*) FROM procrastinate_jobs WHERE queue_name = queue AND status = 'todo') AS waiting"
    "  FROM (SELECT *, bool_or(served) OVER () AS any_served FROM (SELECT queue, turn, loaded, "
    f"{SERVED.format(queue='lanes.queue')} AS served FROM lanes WHERE queue <> ALL(:sources) AND healthy"
    "   AND NOT EXISTS (SELECT FROM paused_queues WHERE name = queue)) AS able) AS lane"
    "  WHERE served OR NOT any_served AND NOT CAST(:only_served AS boolean)),"
    " waiting AS (SELECT ticket.id, ticket.queue_name AS source, model, started_at,"
    "   row_number() OVER (ORDER BY ticket.priority DESC, ticket.id) - 1 AS number"
    "  FROM (SELECT ticket.*, jobs.model, jobs.started_at FROM procrastinate_jobs AS ticket"
    "   JOIN jobs ON jobs.id = CAST(ticket.args->>'job_id' AS uuid)"
    "   WHERE ticket.queue_name = ANY(:sources) AND ticket.status = 'todo' AND ticket.task_name = 'run_job'"
    "   AND NOT EXISTS (SELECT FROM paused_queues WHERE name = ticket.queue_name AND mode = 'hold')"
    f"   AND NOT (CAST(:only_served AS boolean) AND {ADOPTABLE})"
    "   FOR UPDATE OF ticket, jobs SKIP LOCKED) AS ticket),"
    " way AS (SELECT waiting.id, source, target.queue AS target,"
    "   target.turn - coalesce((SELECT turn FROM lanes WHERE queue = source), 0) + CASE"
    "    WHEN started_at IS NULL AND model IS DISTINCT FROM loaded THEN target.waiting ELSE 0 END AS shift"
    "  FROM waiting JOIN target ON waiting.number % target.total = target.number),"
    f"{CHANGE}"
)

# Where nobody draws who could take them: to the queue of the remote providers, at the turn that it serves now.
LEAVE = text(
    "WITH way AS (SELECT ticket.id, ticket.queue_name AS source, CAST(:target AS text) AS target,"
    "   coalesce((SELECT turn FROM queue_turns WHERE queue = :target), 0)"
    "   - coalesce((SELECT turn FROM lanes WHERE queue = ticket.queue_name), 0) AS shift"
    "  FROM procrastinate_jobs AS ticket JOIN jobs ON jobs.id = CAST(ticket.args->>'job_id' AS uuid)"
    "  WHERE ticket.queue_name = ANY(:sources) AND ticket.status = 'todo' AND ticket.task_name = 'run_job'"
    "  AND NOT EXISTS (SELECT FROM paused_queues WHERE name = ticket.queue_name AND mode = 'hold')"
    "  AND NOT EXISTS (SELECT FROM lanes WHERE queue <> ALL(:sources) AND healthy"
    "   AND NOT EXISTS (SELECT FROM paused_queues WHERE name = queue)"
    f"   AND (NOT CAST(:only_served AS boolean) OR {SERVED.format(queue='lanes.queue')}))"
    f"  AND NOT (CAST(:only_served AS boolean) AND ({ADOPTABLE} OR NOT {SERVED.format(queue=':target')}))"
    "  FOR UPDATE OF ticket, jobs SKIP LOCKED),"
    f"{CHANGE}"
).bindparams(bindparam("target", type_=Text))

# the last one in line, of the given model if there is such
TAIL = text(
    "WITH tail AS (SELECT ticket.id FROM procrastinate_jobs AS ticket"
    "  JOIN jobs ON jobs.id = CAST(ticket.args->>'job_id' AS uuid)"
    "  WHERE ticket.queue_name = :source AND ticket.status = 'todo' AND ticket.task_name = 'run_job'"
    "  AND (ticket.scheduled_at IS NULL OR ticket.scheduled_at <= now())"
    "  AND jobs.model IS NOT DISTINCT FROM :model"
    f"  AND NOT (CAST(:spare_adoptable AS boolean) AND {ADOPTABLE})"
    "  ORDER BY ticket.priority, ticket.id DESC LIMIT 1 FOR UPDATE OF ticket, jobs SKIP LOCKED),"
    " way AS (SELECT tail.id, :source AS source, :target AS target,"
    "   coalesce((SELECT turn FROM lanes WHERE queue = :target), 0)"
    "   - coalesce((SELECT turn FROM lanes WHERE queue = :source), 0) AS shift FROM tail),"
    f"{CHANGE}"
).bindparams(bindparam("model", type_=Text), bindparam("source", type_=Text), bindparam("target", type_=Text))

UNSERVED = text(
    "SELECT lanes.queue FROM lanes WHERE NOT "
    f"{SERVED.format(queue='lanes.queue')}"
    " AND NOT EXISTS (SELECT FROM paused_queues WHERE name = lanes.queue AND mode = 'hold')"
    " AND EXISTS (SELECT FROM procrastinate_jobs WHERE queue_name = lanes.queue AND status = 'todo')"
)


async def move_waiting(
    connection: AsyncConnection, sources: list[str], reason: str, *, only_served: bool = False
) -> dict[str, int]:
    """Give the lanes' waiting tickets to those that take work: how many to which. None moves where there is none.

    Lanes with a live worker are preferred; `only_served`: others do not count at all.
    """
    values = {"sources": sources, "reason": reason, "only_served": only_served}
    return {row[0]: row[1] for row in await connection.execute(MOVE, values)}


async def leave(
    connection: AsyncConnection, sources: list[str], target: str, reason: str, *, only_served: bool = False
) -> int:
    """Give what waits for these lanes to a queue that is none, if no other lane takes work: how many went.

    `only_served`: lanes without a live worker do not count as others, and the target must have one.
    """
    values = {"sources": sources, "target": target, "reason": reason, "only_served": only_served}
    return sum(row[1] for row in await connection.execute(LEAVE, values))


async def take_tail(
    connection: AsyncConnection, *, source: str, target: str, model: str | None, reason: str, spare_adoptable: bool
) -> bool:
    """Whether a ticket of that model waited at the source; the target's workers are told of it.

    `spare_adoptable`: not one that the source's GPU draws on by itself, for its next worker to adopt.
    """
    values = {
        "source": source, "target": target, "model": model, "reason": reason, "spare_adoptable": spare_adoptable
    }  # fmt: skip
    return (await connection.execute(TAIL, values)).first() is not None


async def unserved(connection: AsyncConnection) -> list[str]:
    """Lanes where tickets wait for a worker that is not there."""
    return list((await connection.execute(UNSERVED)).scalars())
