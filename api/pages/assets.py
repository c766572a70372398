"""The style and the scripts of the pages: these files and no others."""

from pathlib import Path

from starlette.responses import FileResponse, Response

from api.pages.rendering import page_router
from jobs.errors import NotFound

router = page_router()

FOLDER = Path(__file__).parent / "assets"
ASSETS = {
    "analyses.css": "text/css",
    "live.js": "text/javascript",
    "listing.js": "text/javascript",
    "making.js": "text/javascript",
    "stream.js": "text/javascript",
}


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    if name not in ASSETS:
        raise NotFound(f"There is no file {name!r}.")
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return FileResponse(FOLDER / name, media_type=ASSETS[name], headers=headers)
