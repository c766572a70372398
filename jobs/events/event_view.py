"""An event as clients read it, in a page, in a stream and wherever else the log is shown."""

from typing import Any

from jobs.events.feed import Event

Json = dict[str, Any]


def event_view(event: Event, *, place: str, job: Json | None = None, previews: bool = True) -> Json:
    """`place`: what a client sends to go on behind it. `job`: the job as it is now, left out without one."""
    data = event.data if previews else {name: each for name, each in event.data.items() if name != "preview"}
    return {
        "id": place,
        "type": event.type,
        "job_id": str(event.job_id),
        "seq": event.seq,
        "prev_seq": event.prev_seq,
        "created_at": event.created_at.isoformat(),
        "data": data,
    } | ({"job": job} if job is not None else {})
