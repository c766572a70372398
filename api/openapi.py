"""The OpenAPI document: what FastAPI finds out by itself, and the problems that every operation may answer with."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from api.problems import CONTENT_TYPE

METHODS = ("get", "put", "post", "delete", "patch")
EVERYWHERE = {
    401: "There is no key, or it is not valid",
    403: "The key lacks the scope",
    404: "It does not exist, or belongs to another owner",
    422: "The request is not valid",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not available at the moment",
}
WITH_BODY = {
    400: "The body is not JSON",
    413: "The request is too large",
    415: "The body's content type is not supported",
}
DESCRIPTION = """
A generation backend that calls you back. Send work with `POST /v1/jobs`; hear of it by webhook, by server-sent events,
or with `Prefer: wait`. Nothing has to be polled.

* **Keys**: `Authorization: Bearer pg_…`. Every answer says in `RateLimit` what is left of the key's minute.
* **Errors** are `application/problem+json` (RFC 9457) with a stable `code`: [all codes](/docs/errors).
* **Repeating a request** with the same `Idempotency-Key` gives the first answer again and makes nothing twice.
"""
TAGS = [
    {"name": "jobs", "description": "Ask for work, follow it, cancel it, try it again."},
    {"name": "events", "description": "What happened to your jobs, in order, as a stream or in pages."},
    {"name": "webhooks", "description": "Where we call you, what was sent there and what came back."},
    {"name": "documents", "description": "Documents to compare: upload them, read their text, delete them."},
    {"name": "comparisons", "description": "Have documents compared, part by part, and read what was found."},
    {"name": "worlds", "description": "Worlds that jobs grow: how far they are, their people and posts."},
    {"name": "media", "description": "The files that jobs made."},
    {"name": "personas", "description": "The characters that can answer."},
    {"name": "operations", "description": "Queues, lanes and workers. Needs the scope `admin`."},
    {"name": "keys", "description": "Who may use this API. Needs the scope `admin`."},
]


class FieldError(BaseModel):
    """One field that is wrong: `pointer` into the body (RFC 6901), or `parameter` in a header or in the query."""

    pointer: str | None = None
    parameter: str | None = None
    in_: str | None = Field(default=None, alias="in")
    detail: str


class Problem(BaseModel):
    """RFC 9457. `code` is stable and for programs, `detail` for people; `blame` says whose side it is on."""

    type: str = Field(examples=["/docs/errors#invalid_request"])
    title: str
    status: int
    detail: str
    code: str
    blame: str = Field(json_schema_extra={"enum": ["client", "upstream", "platform"]})
    retryable: bool
    instance: str
    errors: list[FieldError] = []


def install(app: FastAPI) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # FastAPI's own way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=DESCRIPTION,
        routes=app.routes,
        webhooks=app.webhooks.routes,
        tags=TAGS,
    )
    components = document.setdefault("components", {})
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(schema.pop("$defs", {}) | {"Problem": schema})
    components["responses"] = {f"Problem{status}": _response(text) for status, text in (EVERYWHERE | WITH_BODY).items()}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item and path.startswith("/v1/"):
                _add_problems(item[method])
    return document


def _add_problems(operation: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status in EVERYWHERE | (WITH_BODY if "requestBody" in operation else {}):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})


def _response(description: str) -> dict[str, Any]:
    return {"description": description, "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def problem_response(description: str) -> dict[str, Any]:
    """For `responses=` of a route that may answer with a problem that others do not have, such as 409."""
    return _response(description)
