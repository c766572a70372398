"""Routes under /api/jobs: one look tells waiting, running, done and lost apart; cancel hits exactly one prompt."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.comfyui.instance import Instance
from sandbox.comfyui.jobs_view import STATUSES, all_jobs, find_job
from sandbox.comfyui.prompt_routes import CANONICAL_UUID


def jobs_routes(instance: Instance) -> list[Route]:
    queue = instance.machine.queue

    async def get_jobs(request: Request) -> JSONResponse:
        asked = [status for status in request.query_params.get("status", "").split(",") if status]
        wrong = [status for status in asked if status not in STATUSES]
        if wrong:
            valid = ", ".join(STATUSES)
            return JSONResponse(
                {"error": f"Invalid status value(s): {', '.join(wrong)}. Valid values: {valid}"}, status_code=400
            )
        jobs = sort_jobs([job for job in all_jobs(queue) if not asked or job["status"] in asked], request)
        return JSONResponse(page(jobs, request))

    async def get_job(request: Request) -> JSONResponse:
        job = find_job(queue, request.path_params["prompt_id"])
        return JSONResponse(job) if job else JSONResponse({"error": "Job not found"}, status_code=404)

    async def cancel_job(request: Request) -> JSONResponse:
        return JSONResponse({"cancelled": cancel(instance, request.path_params["prompt_id"])})

    async def cancel_jobs(request: Request) -> JSONResponse:
        ids = (await request.json()).get("job_ids", [])
        invalid = [job for job in ids if not (isinstance(job, str) and CANONICAL_UUID.fullmatch(job))]
        if invalid:
            body = {"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}
            return JSONResponse(body, status_code=400)
        results = [cancel(instance, job) for job in ids]
        return JSONResponse({"cancelled": any(results)})

    routes = [Route("/api/jobs", get_jobs), Route("/api/jobs/{prompt_id}", get_job)]
    if instance.machine.settings.cancel_api:
        routes = [
            Route("/api/jobs/cancel", cancel_jobs, methods=["POST"]),
            Route("/api/jobs/{prompt_id}/cancel", cancel_job, methods=["POST"]),
            *routes,
        ]
    return routes if instance.machine.settings.jobs_api else []


def cancel(instance: Instance, prompt_id: str) -> bool:
    """True also for a running node that will never look at the flag."""
    return instance.machine.queue.delete(prompt_id) or instance.executor.interrupt(prompt_id)


def sort_jobs(jobs: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    by_duration = request.query_params.get("sort_by") == "execution_duration"

    def key(job: dict[str, Any]) -> float:
        if by_duration:
            return float(job.get("execution_end_time", 0) - job.get("execution_start_time", 0))
        return float(job["create_time"])

    return sorted(jobs, key=key, reverse=request.query_params.get("sort_order", "desc") == "desc")


def page(jobs: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    offset = int(request.query_params.get("offset", 0))
    limit = int(request.query_params.get("limit", len(jobs) or 1))
    more = offset + limit < len(jobs)
    return {
        "jobs": jobs[offset : offset + limit],
        "pagination": {"offset": offset, "limit": limit, "total": len(jobs), "has_more": more},
    }
