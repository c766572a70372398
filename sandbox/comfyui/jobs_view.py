"""The queue and the history as /api/jobs shows them."""

from typing import Any

from sandbox.comfyui.prompt_queue import Prompt, PromptQueue

STATUSES = ("pending", "in_progress", "completed", "failed", "cancelled")
MEDIA_KEYS = ("images", "gifs", "video", "audio", "3d", "text")
WHOLE_ONLY = ("outputs", "execution_status", "workflow")


def find_job(queue: PromptQueue, prompt_id: str) -> dict[str, Any] | None:
    if prompt_id in queue.history:
        return finished_job(prompt_id, queue.history[prompt_id])
    for job in open_jobs(queue):
        if job["id"] == prompt_id:
            return job
    return None


def all_jobs(queue: PromptQueue) -> list[dict[str, Any]]:
    """Without what only one job's own page shows."""
    finished = [finished_job(prompt_id, entry) for prompt_id, entry in queue.history.items()]
    return [{k: v for k, v in job.items() if k not in WHOLE_ONLY} for job in [*open_jobs(queue), *finished]]


def open_jobs(queue: PromptQueue) -> list[dict[str, Any]]:
    running = [queued_job(queue.running, "in_progress")] if queue.running else []
    return running + [queued_job(prompt, "pending") for prompt in sorted(queue.pending)]


def queued_job(prompt: Prompt, status: str) -> dict[str, Any]:
    return {
        "id": prompt.prompt_id,
        "status": status,
        "priority": prompt.number,
        "create_time": prompt.extra_data["create_time"],
        "outputs_count": 0,
        "workflow": {"prompt": prompt.graph, "extra_data": prompt.extra_data},
    }


def finished_job(prompt_id: str, entry: dict[str, Any]) -> dict[str, Any]:
    number, _, graph, extra_data, _ = entry["prompt"]
    messages = dict(entry["status"]["messages"])
    end = entry["status"]["messages"][-1]
    media = list_media(entry["outputs"])
    job = {
        "id": prompt_id,
        "status": status_of(end[0]),
        "priority": number,
        "create_time": extra_data["create_time"],
        "execution_start_time": messages["execution_start"]["timestamp"],
        "execution_end_time": end[1]["timestamp"],
        "execution_error": messages.get("execution_error"),
        "outputs_count": len(media),
        "previewable_outputs_count": len(media),
        "preview_output": media[0] if media else None,
        "outputs": entry["outputs"],
        "execution_status": entry["status"],
        "workflow": {"prompt": graph, "extra_data": extra_data},
    }
    return {key: value for key, value in job.items() if value is not None}


def status_of(last_event: str) -> str:
    known = {"execution_success": "completed", "execution_interrupted": "cancelled"}
    return known.get(last_event, "failed")


def list_media(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**item, "nodeId": node, "mediaType": key}
        for node, ui in outputs.items()
        for key, items in ui.items()
        if key in MEDIA_KEYS
        for item in items
    ]
