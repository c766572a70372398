"""A job as clients read it: the same object in HTTP, in a webhook and in the event stream."""

from datetime import datetime
from typing import Any

from jobs.db.work.jobs import Job

Json = dict[str, Any]


def job_view(
    job: Job,
    *,
    public_url: str = "",
    position: int | None = None,
    eta: float | None = None,
    media: str | None = None,
) -> Json:
    """JSON-ready. `position`: 1 is the next one. `eta`: seconds until it should be finished. Both null when unknown.

    `public_url` stands before the paths in `urls`; without it they are relative. `media`: see media_urls.
    """
    return {
        "id": str(job.id),
        "kind": job.kind,
        "status": job.status,
        "input": job.input,
        # a root that waits for its steps has its own result already
        "result": job.result if job.status == "completed" else None,
        "error": job.error,
        "progress": {"done": 0, "total": 1, "stage": None, **job.progress},
        "queue": job.queue,
        "position": position,
        "eta": eta,
        "attempt": job.attempt,
        "parent_id": str(job.parent_id) if job.parent_id else None,
        "root_id": str(job.root_id) if job.root_id else None,
        "stage": job.stage,
        "partial": job.partial,
        "cancelling": job.cancel_requested_at is not None and job.status == "processing",
        "usage": job.usage,
        "metadata": job.metadata,
        "run_at": _text(job.run_at),
        "deadline": _text(job.deadline),
        "created_at": _text(job.created_at),
        "started_at": _text(job.started_at),
        "finished_at": _text(job.finished_at),
        "expires_at": _text(job.expires_at),
        "seq": job.event_seq,
        "urls": {**_urls(job, public_url.rstrip("/")), "media": media},
    }


def _urls(job: Job, base: str) -> Json:
    itself = f"{base}/v1/jobs/{job.id}"
    return {"self": itself, "events": f"{itself}/events", "cancel": f"{itself}/cancel"}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
