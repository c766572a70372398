"""/ : what waits where, for a person. It names queues and counts, nothing of what is in them."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape

from jobs.db import health
from jobs.db.queue import workers

router = APIRouter(include_in_schema=False)
templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(), enable_async=True
)


@router.get("/")
async def status(request: Request) -> HTMLResponse:
    database = request.app.state.database
    problems = await health.problems(database)
    shown = {"problems": problems, "depth": [], "deliveries": {}, "workers": 0}
    if not problems:
        shown |= {
            "depth": await health.depth(database),
            "deliveries": await health.open_deliveries(database),
            "workers": await workers.alive(database),
        }
    page = await templates.get_template("status.html").render_async(**shown)
    return HTMLResponse(page, status_code=503 if problems else 200)
