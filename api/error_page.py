"""/docs/errors: every code of an error, what it means and what to do. The `type` of each problem points here."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.error_catalogue import CATALOGUE
from api.status_page import templates

router = APIRouter(include_in_schema=False)


@router.get("/docs/errors")
async def errors() -> HTMLResponse:
    return HTMLResponse(await templates.get_template("errors.html").render_async(catalogue=CATALOGUE))
