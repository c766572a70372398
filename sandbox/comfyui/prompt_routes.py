"""The route /prompt: send one, or count what is open."""

import re
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.comfyui.instance import Instance
from sandbox.comfyui.validation import validate, whole_error

NOT_CANONICAL = (
    "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server generate one"
)
CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def prompt_routes(instance: Instance) -> list[Route]:
    async def get_prompt(_: Request) -> JSONResponse:
        return JSONResponse(instance.machine.status())

    async def post_prompt(request: Request) -> JSONResponse:
        return accept_prompt(instance, await request.json())

    return [Route("/prompt", get_prompt), Route("/prompt", post_prompt, methods=["POST"])]


def accept_prompt(instance: Instance, body: dict[str, Any]) -> JSONResponse:
    number = instance.machine.queue.number_for(body)
    if "prompt" not in body:
        return refusal(whole_error("no_prompt", "No prompt provided", "No prompt provided"))
    prompt_id = body.get("prompt_id") or str(uuid.uuid4())
    if not (isinstance(prompt_id, str) and CANONICAL_UUID.fullmatch(prompt_id)):
        return refusal(whole_error("invalid_prompt_id", "prompt_id must be a valid UUID", NOT_CANONICAL))
    verdict = validate(body["prompt"], instance.classes, body.get("partial_execution_targets"))
    if verdict.error:
        return refusal(verdict.error, verdict.node_errors)
    extra_data = dict(body.get("extra_data", {}))
    if "client_id" in body:
        extra_data["client_id"] = body["client_id"]
    extra_data["create_time"] = round(time.time() * 1000)
    instance.machine.queue.put(number, prompt_id, body["prompt"], extra_data, verdict.outputs)
    shown = int(number) if number == int(number) else number
    return JSONResponse({"prompt_id": prompt_id, "number": shown, "node_errors": verdict.node_errors})


def refusal(error: dict[str, Any], node_errors: dict[str, Any] | None = None) -> JSONResponse:
    return JSONResponse({"error": error, "node_errors": node_errors or {}}, status_code=400)
