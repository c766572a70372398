"""A job that ended without a result starts anew, under the same id: the only way back to pending."""

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Job, changing

RETRYABLE = ("failed", "cancelled", "expired")

# a deadline that has passed would end it again before it began
START_ANEW = changing(
    "UPDATE jobs SET status = 'pending', retries = retries + 1, attempt = 0, failures = 0, setbacks = '{}',"
    " result = NULL, error = NULL, progress = '{}', partial = false, run_token = NULL, cancel_requested_at = NULL,"
    " started_at = NULL, finished_at = NULL, expires_at = NULL, run_at = NULL,"
    " deadline = CASE WHEN deadline > now() THEN deadline END,"
    " queue = :queue, turn = :turn, ticket_id = :ticket_id, event_seq = event_seq + 1"
    " WHERE id = :id AND status IN ('failed', 'cancelled', 'expired') AND retries = :retries"
)


async def start_anew(connection: AsyncConnection, job: Job, *, queue: str, turn: int, ticket_id: int) -> Job | None:
    """The job as it is now; None when it did not end like that, or somebody else was quicker."""
    values = {"id": job.id, "retries": job.retries, "queue": queue, "turn": turn, "ticket_id": ticket_id}
    data = {"queue": queue, "retries": job.retries + 1}
    found = await connection.execute(START_ANEW, {**values, "event": "job.retried", "data": data})
    row = found.mappings().first()
    return Job(**row) if row else None
