"""The style and the scripts of the pages: these files and no others."""

from pathlib import Path

from starlette.responses import FileResponse, Response

from api.pages.rendering import page_router
from jobs.errors import NotFound

router = page_router()

FOLDER = Path(__file__).parent / "assets"
ENDINGS = {".css": "text/css", ".js": "text/javascript"}
ASSETS = {path.relative_to(FOLDER).as_posix(): ENDINGS[path.suffix] for path in FOLDER.rglob("*.*")}


@router.get("/assets/{name:path}")
async def asset(name: str) -> Response:
    if name not in ASSETS:
        raise NotFound(f"There is no file {name!r}.")
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return FileResponse(FOLDER / name, media_type=ASSETS[name], headers=headers)
