"""Orders for the stand-in itself, under /sandbox/: set it, break it, read what it ran. ComfyUI has none of these."""

from dataclasses import asdict
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.comfyui.faults import Fault, FaultBook
from sandbox.comfyui.instance import Instance
from sandbox.comfyui.settings import ComfySettings


class Control(Protocol):
    """Who owns the process: only it can restart, hang or drop connections."""

    faults: FaultBook

    def change(self, **changes: Any) -> ComfySettings: ...
    def order_restart(self, downtime: float) -> None: ...
    def hang(self, seconds: float = 0) -> None: ...
    def resume(self) -> None: ...
    def drop_sockets(self) -> None: ...


def order_routes(instance: Instance, control: Control) -> list[Route]:
    async def get_runs(_: Request) -> JSONResponse:
        return JSONResponse({"runs": instance.machine.log.as_json()})

    async def get_settings(_: Request) -> JSONResponse:
        return JSONResponse(asdict(instance.machine.settings))

    async def patch_settings(request: Request) -> JSONResponse:
        return JSONResponse(asdict(control.change(**await request.json())))

    async def post_fault(request: Request) -> Response:
        control.faults.order(Fault(**await request.json()))
        return Response(status_code=204)

    async def delete_faults(_: Request) -> Response:
        control.faults.clear()
        return Response(status_code=204)

    async def restart(request: Request) -> Response:
        control.order_restart(float(request.query_params.get("downtime", 0)))
        return Response(status_code=202)

    async def hang(request: Request) -> Response:
        control.hang(float(request.query_params.get("seconds", 0)))
        return Response(status_code=202)

    async def resume(_: Request) -> Response:
        control.resume()
        return Response(status_code=204)

    async def drop_sockets(_: Request) -> Response:
        control.drop_sockets()
        return Response(status_code=204)

    return [
        Route("/sandbox/runs", get_runs),
        Route("/sandbox/settings", get_settings),
        Route("/sandbox/settings", patch_settings, methods=["PATCH"]),
        Route("/sandbox/faults", post_fault, methods=["POST"]),
        Route("/sandbox/faults", delete_faults, methods=["DELETE"]),
        Route("/sandbox/restart", restart, methods=["POST"]),
        Route("/sandbox/hang", hang, methods=["POST"]),
        Route("/sandbox/resume", resume, methods=["POST"]),
        Route("/sandbox/drop-sockets", drop_sockets, methods=["POST"]),
    ]
