"""What is forgotten by age, in chunks that hold up nobody."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from jobs.db.access import page_logins, page_sessions
from jobs.db.gpu import predictions
from jobs.db.people import blocks
from jobs.db.provider import provider_calls
from jobs.db.session import Database

CHUNK = 1000
# Telegram repeats an update for a day at most
UPDATES_KEPT_HOURS = 48
RENDERS_KEPT_DAYS = 8
# for how long a request may be repeated under its Idempotency-Key
ANSWERS_KEPT_HOURS = 24
FAILED_UPDATES_KEPT_DAYS = 30

# whole trees go at once, and each may be of thousands of jobs
TREES_AT_A_TIME = 5

# a webhook that is still on its way, or held for an endpoint that is switched off, keeps its job
OLD_JOBS = (
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE expires_at < now() AND parent_id IS NULL AND {which}"
    " AND NOT EXISTS (SELECT FROM deliveries WHERE deliveries.job_id = jobs.id AND channel = 'webhook'"
    "  AND deliveries.status IN ('pending', 'sending', 'held')) ORDER BY expires_at LIMIT :chunk)"
)
OLD_ROWS = {
    "jobs": OLD_JOBS.format(which="ran_at IS NULL"),
    "trees": OLD_JOBS.format(which="ran_at IS NOT NULL"),
    "telegram_updates": "DELETE FROM telegram_updates WHERE (bot_id, update_id) IN (SELECT bot_id, update_id"
    f" FROM telegram_updates WHERE received_at < now() - interval '{UPDATES_KEPT_HOURS} hours' LIMIT :chunk)",
    "failed_updates": "DELETE FROM failed_updates WHERE (bot_id, update_id) IN (SELECT bot_id, update_id"
    f" FROM failed_updates WHERE created_at < now() - interval '{FAILED_UPDATES_KEPT_DAYS} days' LIMIT :chunk)",
    "renders": "DELETE FROM renders WHERE id IN (SELECT id FROM renders"
    f" WHERE finished_at < now() - interval '{RENDERS_KEPT_DAYS} days' LIMIT :chunk)",
    "idempotency_records": "DELETE FROM idempotency_records WHERE (owner, key) IN (SELECT owner, key"
    f" FROM idempotency_records WHERE created_at < now() - interval '{ANSWERS_KEPT_HOURS} hours' LIMIT :chunk)",
    "provider_calls": provider_calls.FORGET_CALLS,
    "provider_days": provider_calls.FORGET_DAYS,
    "provider_callbacks": predictions.FORGET_CALLBACKS,
    "content_blocks": blocks.FORGET,
    "page_sessions": page_sessions.FORGET,
    "page_logins": page_logins.FORGET,
    # answers that belong to no job, such as the one to /start
    "deliveries": "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE job_id IS NULL"
    " AND status IN ('sent', 'failed', 'unknown') AND created_at < now() - make_interval(secs => :ttl) LIMIT :chunk)",
}


@dataclass(frozen=True)
class ExpiredFile:
    id: UUID
    key: str


EXPIRED_MEDIA = text("SELECT id, key FROM media WHERE expires_at < now() ORDER BY expires_at LIMIT :chunk")


async def forget_rows(database: Database, ttl: int) -> dict[str, int]:
    """How many rows went, by table. `ttl` in seconds, for what has no date of expiry of its own."""
    gone = dict.fromkeys(OLD_ROWS, 0)
    for table, statement in OLD_ROWS.items():
        chunk = TREES_AT_A_TIME if table == "trees" else CHUNK
        values: dict[str, float] = {"chunk": chunk} | ({"ttl": float(ttl)} if ":ttl" in statement else {})
        while True:
            async with database.transaction() as connection:
                count = (await connection.execute(text(statement), values)).rowcount
            gone[table] += count
            if count < chunk:
                break
    return gone


async def expired_media(database: Database) -> list[ExpiredFile]:
    """One chunk of files that nobody may read any more."""
    async with database.transaction() as connection:
        rows = await connection.execute(EXPIRED_MEDIA, {"chunk": CHUNK})
        return [ExpiredFile(**row) for row in rows.mappings()]


async def forget_media(database: Database, ids: list[UUID]) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("DELETE FROM media WHERE id = ANY(:ids)"), {"ids": ids})
