"""Routes of what waits and what was: /queue, /history; and of what runs: /interrupt, /free."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.comfyui.instance import Instance


def queue_routes(instance: Instance) -> list[Route]:
    queue = instance.machine.queue

    async def get_queue(_: Request) -> JSONResponse:
        running = [queue.running.as_json()] if queue.running else []
        pending = [prompt.as_json() for prompt in sorted(queue.pending)]
        return JSONResponse({"queue_running": running, "queue_pending": pending})

    async def post_queue(request: Request) -> Response:
        body = await request.json()
        if body.get("clear"):
            queue.clear()
        for prompt_id in body.get("delete", []):
            queue.delete(prompt_id)
        return Response()

    return [Route("/queue", get_queue), Route("/queue", post_queue, methods=["POST"])]


def history_routes(instance: Instance) -> list[Route]:
    history = instance.machine.queue.history

    async def get_history(request: Request) -> JSONResponse:
        entries = list(history.items())
        start = int(request.query_params.get("offset", -1))
        limit = int(request.query_params.get("max_items", len(entries)))
        first = start if start >= 0 else max(0, len(entries) - limit)
        return JSONResponse(dict(entries[first : first + limit]))

    async def get_history_entry(request: Request) -> JSONResponse:
        prompt_id = request.path_params["prompt_id"]
        return JSONResponse({prompt_id: history[prompt_id]} if prompt_id in history else {})

    async def post_history(request: Request) -> Response:
        body = await request.json()
        if body.get("clear"):
            history.clear()
        for prompt_id in body.get("delete", []):
            history.pop(prompt_id, None)
        return Response()

    return [
        Route("/history", get_history),
        Route("/history", post_history, methods=["POST"]),
        Route("/history/{prompt_id}", get_history_entry),
    ]


def running_routes(instance: Instance) -> list[Route]:
    executor = instance.executor

    async def post_interrupt(request: Request) -> Response:
        body = await request.json() if await request.body() else {}
        executor.interrupt(body.get("prompt_id"))
        return Response()

    async def post_free(request: Request) -> Response:
        body = await request.json()
        executor.order_free(bool(body.get("unload_models")), bool(body.get("free_memory")))
        return Response()

    return [Route("/interrupt", post_interrupt, methods=["POST"]), Route("/free", post_free, methods=["POST"])]
