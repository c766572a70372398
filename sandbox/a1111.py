"""A stand-in for Automatic1111's web UI and for Forge, started with --api: draws small landscapes, one at a time.

In a test: `local = LocalServer()`, `async with serving(local.app) as base_url`; faults go to its places, such as
`local.txt2img.order(…)`. Alone: `python -m sandbox.a1111 --port 7860 --seconds 2`, then
LOCAL_IMAGE_URL=http://127.0.0.1:7860.
"""

import argparse
import asyncio
import base64
import io
import json
from collections.abc import Iterable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.a1111_state import Task, WebUi
from sandbox.comfyui.drawing import draw_scene
from sandbox.comfyui.png import insert_text
from sandbox.http_place import Place

LARGEST_SEED = 2**32 - 1
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M")


class LocalServer:
    """`auth` is "user:password", as after --api-auth. `names_task`: whether the progress names what runs, as few do.

    `data_uri`: pictures come with a data: prefix. `internal`: whether there is a web UI beside the API, which knows of
    each task whether it runs.
    """

    def __init__(
        self, *, seconds: float = 0.0, models: Iterable[str] = ("tiny.safetensors [0123abcd]",),
        auth: str | None = None, names_task: bool = False, data_uri: bool = False, internal: bool = True,
    ) -> None:  # fmt: skip
        self.webui = WebUi(seconds)
        self.models = list(models)
        self.auth = auth
        self.names_task = names_task
        self.data_uri = data_uri
        self.txt2img, self.progress = Place(self._txt2img), Place(self._progress)
        self.interrupt, self.sd_models = Place(self._interrupt), Place(self._sd_models)
        self.internal_progress = Place(self._internal_progress)
        self.fixed_picture: bytes | None = None
        # Forge refuses them, A1111 draws with what it has
        self.ignores_unknown_models = False
        routes = [
            Route("/sdapi/v1/txt2img", self.txt2img, methods=["POST"]),
            Route("/sdapi/v1/progress", self.progress),
            Route("/sdapi/v1/interrupt", self.interrupt, methods=["POST"]),
            Route("/sdapi/v1/sd-models", self.sd_models),
        ]
        if internal:
            routes.append(Route("/internal/progress", self.internal_progress, methods=["POST"]))
        self.app = Starlette(routes=routes)

    def pictures_are(self, data: bytes) -> None:
        """From now on, whatever is asked for."""
        self.fixed_picture = data

    async def _txt2img(self, request: Request, body: dict[str, Any]) -> Response:
        if refusal := self._unauthorized(request) or self._invalid(body):
            return refusal
        # it goes on when the client leaves: only an interruption ends it
        drawing = asyncio.ensure_future(self.webui.draw(body))
        task = await asyncio.shield(drawing)
        picture = base64.b64encode(self.fixed_picture or _picture(task)).decode()
        image = f"data:image/png;base64,{picture}" if self.data_uri else picture
        return JSONResponse({"images": [image], "parameters": body, "info": json.dumps(self._info(task))})

    def _invalid(self, body: dict[str, Any]) -> Response | None:
        sampler = body.get("sampler_name")
        if sampler and sampler not in SAMPLERS:
            return JSONResponse({"detail": "Sampler not found"}, 400)
        for name, largest in {"width": 2048, "height": 2048, "seed": LARGEST_SEED}.items():
            given = body.get(name, 64)
            if not isinstance(given, int) or given > largest:
                issue = {"loc": ["body", name], "msg": "value is not a valid integer", "type": "type_error.integer"}
                return JSONResponse({"detail": [issue]}, 422)
        wanted = body.get("override_settings", {}).get("sd_model_checkpoint")
        known = any(wanted in _names(model) for model in self.models)
        if wanted and not known and not self.ignores_unknown_models:
            words = f"model {wanted!r} not found"
            return JSONResponse({"error": "RuntimeError", "detail": "", "body": "", "errors": words}, 500)
        return None

    def _info(self, task: Task) -> dict[str, Any]:
        wanted = task.body.get("override_settings", {}).get("sd_model_checkpoint")
        model = next((model for model in self.models if wanted in _names(model)), self.models[0])
        _, name, model_hash = _names(model)[1:4]
        seed = task.body.get("seed", -1)
        return {
            "prompt": task.body.get("prompt", ""), "seed": seed, "all_seeds": [seed], "sd_model_name": name,
            "sd_model_hash": model_hash, "infotexts": [_infotext(task)],
        }  # fmt: skip

    async def _progress(self, request: Request, body: dict[str, Any]) -> Response:
        # Forge asks nobody here for a password
        running, state = self.webui.running, self.webui.state()
        named = running.id if running and self.names_task else None
        share = running.share if running else 0.0
        return JSONResponse(
            {"progress": share, "eta_relative": 0.0, "state": state, "current_image": None, "current_task": named}
        )

    async def _internal_progress(self, request: Request, body: dict[str, Any]) -> Response:
        asked = body.get("id_task")
        active, queued = self.webui.current_task == asked, asked in self.webui.pending
        return JSONResponse({"active": active, "queued": queued, "completed": asked in self.webui.finished})

    async def _interrupt(self, request: Request, body: dict[str, Any]) -> Response:
        if refusal := self._unauthorized(request):
            return refusal
        self.webui.interrupt()
        return JSONResponse({})

    async def _sd_models(self, request: Request, body: dict[str, Any]) -> Response:
        if refusal := self._unauthorized(request):
            return refusal
        found = [_names(model) for model in self.models]
        return JSONResponse([{"title": title, "model_name": name, "hash": sha} for title, _, name, sha in found])

    def _unauthorized(self, request: Request) -> Response | None:
        if self.auth is None:
            return None
        expected = f"Basic {base64.b64encode(self.auth.encode()).decode()}"
        if request.headers.get("authorization") == expected:
            return None
        return JSONResponse({"detail": "Incorrect username or password"}, 401, {"WWW-Authenticate": "Basic"})


def _names(model: str) -> list[str]:
    """All ways to call it: its title, its file, its name, its hash."""
    file, _, rest = model.partition(" [")
    return [model, file, file.rpartition(".")[0], rest.rstrip("]")]


def _picture(task: Task) -> bytes:
    body, side = task.body, 64
    scene = draw_scene(
        str(body.get("prompt", "")), body.get("seed", 0), body.get("width", side), body.get("height", side)
    )
    if task.interrupted:
        # as far as it came: noise, more or less
        scene = scene.effect_spread(50)
    with io.BytesIO() as file:
        scene.save(file, "PNG", compress_level=1)
        return insert_text(file.getvalue(), "parameters", _infotext(task))


def _infotext(task: Task) -> str:
    return f"{task.body.get('prompt', '')}\nSteps: {task.steps}, Seed: {task.body.get('seed', -1)}"


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.a1111", description=__doc__)
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--seconds", type=float, default=2.0, help="for a picture")
    options = parser.parse_args(None if arguments is None else list(arguments))
    uvicorn.run(LocalServer(seconds=options.seconds).app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
