"""Routes that describe the server: its nodes, model files, features, memory."""

import sys
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.comfyui.instance import Instance

GIB = 2**30
FEATURES: dict[str, Any] = {
    "supports_preview_metadata": True,
    "supports_model_type_tags": True,
    "max_upload_size": 104857600,
    "extension": {"manager": {"supports_v4": True}},
    "node_replacements": True,
    "assets": False,
}


def info_routes(instance: Instance) -> list[Route]:
    async def object_info(_: Request) -> JSONResponse:
        return JSONResponse({name: node.as_json() for name, node in instance.classes.items()})

    async def class_info(request: Request) -> JSONResponse:
        node = instance.classes.get(request.path_params["name"])
        return JSONResponse({node.name: node.as_json()} if node else {})

    async def folders(_: Request) -> JSONResponse:
        return JSONResponse(list(instance.machine.settings.models))

    async def models(request: Request) -> Response:
        files = instance.machine.settings.models.get(request.path_params["folder"])
        return Response(status_code=404) if files is None else JSONResponse(list(files))

    async def features(_: Request) -> JSONResponse:
        return JSONResponse(FEATURES)

    async def system_stats(_: Request) -> JSONResponse:
        return JSONResponse(stats(instance))

    return [
        Route("/object_info", object_info),
        Route("/object_info/{name}", class_info),
        Route("/models", folders),
        Route("/models/{folder}", models),
        Route("/features", features),
        Route("/system_stats", system_stats),
    ]


def stats(instance: Instance) -> dict[str, Any]:
    used = 6 * GIB * len(instance.machine.gpu.resident)
    return {
        "system": {
            "os": sys.platform,
            "ram_total": 32 * GIB,
            "ram_free": 24 * GIB,
            "comfyui_version": instance.machine.settings.version,
            "required_frontend_version": "1.0.0",
            "python_version": sys.version,
            "pytorch_version": "none (sandbox)",
            "embedded_python": False,
            "argv": ["main.py"],
        },
        "devices": [
            {
                "name": "cuda:0 Sandbox GPU : cudaMallocAsync",
                "type": "cuda",
                "index": 0,
                "vram_total": 16 * GIB,
                "vram_free": max(0, 16 * GIB - used),
                "torch_vram_total": used,
                "torch_vram_free": 0,
            }
        ],
    }
