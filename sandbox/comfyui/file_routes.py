"""Routes of files: look at a picture, upload one."""

from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.comfyui.instance import Instance

MAX_UPLOAD = 104857600


def file_routes(instance: Instance) -> list[Route]:
    async def view(request: Request) -> Response:
        query = request.query_params
        filename = query.get("filename")
        if not filename or filename.startswith("/") or ".." in filename:
            return Response(status_code=400)
        root = instance.folder(query.get("type", "output"))
        if root is None:
            return Response(status_code=400)
        path = (root / query.get("subfolder", "") / Path(filename).name).resolve()
        if not path.is_relative_to(root.resolve()):
            return Response(status_code=403)
        if not path.is_file():
            return Response(status_code=404)
        return FileResponse(path, headers={"Content-Disposition": f'filename="{path.name}"'})

    async def upload(request: Request) -> Response:
        async with request.form(max_part_size=MAX_UPLOAD) as form:
            image = form.get("image")
            root = instance.folder(str(form.get("type", "input")))
            if not isinstance(image, UploadFile) or not image.filename or root is None:
                return Response(status_code=400)
            subfolder = str(form.get("subfolder", ""))
            folder = (root / subfolder).resolve()
            if not folder.is_relative_to(root.resolve()):
                return Response(status_code=400)
            overwrite = str(form.get("overwrite", "")).lower() in ("true", "1")
            name = keep_upload(folder, Path(image.filename).name, await image.read(), overwrite)
        return JSONResponse({"name": name, "subfolder": subfolder, "type": str(form.get("type", "input"))})

    return [Route("/view", view), Route("/upload/image", upload, methods=["POST"])]


def keep_upload(folder: Path, name: str, content: bytes, overwrite: bool) -> str:
    """Same name and same bytes: the same file. Same name and other bytes: `name (1).png`."""
    folder.mkdir(parents=True, exist_ok=True)
    target, number = folder / name, 1
    while not overwrite and target.exists() and target.read_bytes() != content:
        target = folder / f"{Path(name).stem} ({number}){Path(name).suffix}"
        number += 1
    target.write_bytes(content)
    return target.name
