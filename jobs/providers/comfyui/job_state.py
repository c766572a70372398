"""What the server knows about one prompt, read from /api/jobs/{id} or, on older servers, from history and queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jobs.providers.comfyui.protocol import NodeError, SavedFile, node_error, saved_files

JobStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled", "missing"]


@dataclass(frozen=True)
class JobState:
    """`missing`: never heard of it, or forgotten by a restart. Times are the server's, in milliseconds."""

    status: JobStatus
    files: tuple[tuple[str, SavedFile], ...] = ()
    started_ms: int = 0
    ended_ms: int = 0
    cached_nodes: tuple[str, ...] = ()
    error: NodeError | None = None


MISSING = JobState("missing")


def from_job(job: Mapping[str, Any]) -> JobState:
    return finished(job["status"], job.get("outputs") or {}, (job.get("execution_status") or {}).get("messages") or [])


def from_history(entry: Mapping[str, Any]) -> JobState:
    messages = entry["status"]["messages"]
    if entry["status"]["status_str"] == "success":
        status: JobStatus = "completed"
    else:
        status = "cancelled" if any(name == "execution_interrupted" for name, _ in messages) else "failed"
    return finished(status, entry.get("outputs") or {}, messages)


def from_queue(queue: Mapping[str, Any], prompt_id: str) -> JobState | None:
    places: tuple[tuple[str, JobStatus], ...] = (("queue_running", "in_progress"), ("queue_pending", "pending"))
    for key, status in places:
        if any(item[1] == prompt_id for item in queue.get(key, [])):
            return JobState(status)
    return None


def finished(status: JobStatus, outputs: Mapping[str, Any], messages: list[Any]) -> JobState:
    told = dict(messages)
    start = told.get("execution_start", {}).get("timestamp", 0)
    end = messages[-1][1].get("timestamp", start) if messages else start
    error = told.get("execution_error")
    return JobState(
        status,
        tuple((node, file) for node, ui in outputs.items() for file in saved_files(ui)),
        int(start),
        int(end),
        tuple(told.get("execution_cached", {}).get("nodes", ())),
        node_error(error) if error else None,
    )
