"""/docs: the OpenAPI document to read and to try out. Its scripts are served from here: it works without internet."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

ASSETS = "/docs/assets"
# a browser would ask for one at its usual place, and get a problem
NO_ICON = "data:,"
SHOWN = {"persistAuthorization": True, "displayRequestDuration": True, "filter": True}


@router.get("/docs")
async def docs() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="The Postgen API",
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=NO_ICON,
        swagger_ui_parameters=SHOWN,
    )


def install(app: FastAPI) -> None:
    """Call it when the app has the document that is to be shown."""
    app.include_router(router)
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs assets")
    document = app.openapi

    def with_examples() -> dict[str, Any]:
        found = document()
        for item in found["paths"].values():
            for operation in item.values():
                _name_examples(operation, found["components"]["schemas"])
        return found

    app.openapi = with_examples  # type: ignore[method-assign] # FastAPI's own way to extend it


def _name_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Of a body that has several forms the page would show the first one's example only."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        forms = media["schema"].get("discriminator", {}).get("mapping", {})
        found = {form: schemas[reference.rpartition("/")[2]] for form, reference in forms.items()}
        if found:
            media["examples"] = {
                form: {"summary": schema["description"], "value": schema["example"]} for form, schema in found.items()
            }
