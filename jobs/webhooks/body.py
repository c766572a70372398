"""The bytes of a webhook: `{type, timestamp, data}`, made once and never changed afterwards."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from jobs.db.work.jobs import Job
from jobs.events.view import job_view
from jobs.signatures import as_body

Json = dict[str, Any]

# receivers refuse what is too large, and often without a word
LARGEST = 64 * 1024
THIN = ("id", "kind", "status", "parent_id", "root_id", "seq", "urls")


def webhook_id(source: UUID, what: object) -> str:
    """The same for every endpoint, every attempt and every replay of one event."""
    return f"msg_{uuid5(source, str(what)).hex}"


def event_body(event: str, data: Json, at: datetime | None = None) -> bytes:
    moment = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return as_body({"type": event, "timestamp": moment, "data": data})


def job_body(
    job: Job, event: str, *, prev_seq: int | None, thin: bool, public_url: str = "", media: str | None = None
) -> bytes:
    """`prev_seq`: the number of the job's event that this endpoint got before; by it a receiver sees what it missed."""
    whole = {**job_view(job, public_url=public_url, media=media), "prev_seq": prev_seq, "truncated": False}
    short = {name: whole[name] for name in (*THIN, "prev_seq")}
    at = datetime.now(UTC)
    if thin:
        return event_body(event, short, at)
    for data in (whole, {**whole, "input": None, "result": None, "truncated": True}):
        body = event_body(event, data, at)
        if len(body) <= LARGEST:
            return body
    return event_body(event, {**short, "truncated": True}, at)
