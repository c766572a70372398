"""Every failure of a request as RFC 9457 `application/problem+json`: the same members wherever it happened."""

import json
import math
import socket
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.content_blocks import note
from api.error_catalogue import CATALOGUE
from api.requests.field_errors import request_error
from jobs.db.commit import may_pass
from jobs.errors import (
    Conflict,
    ContentBlocked,
    Forbidden,
    InvalidInput,
    Misconfigured,
    NotFound,
    PostgenError,
    TemporaryError,
    TooManyRequests,
    Unauthenticated,
)
from jobs.safety.blocked import Blocked

CONTENT_TYPE = "application/problem+json"
# the first class that fits; a code that needs another status than its class is in STATUS_OF_CODE
STATUS_OF_CLASS: dict[type[PostgenError], int] = {
    InvalidInput: 422,
    NotFound: 404,
    Unauthenticated: 401,
    Forbidden: 403,
    Conflict: 409,
    ContentBlocked: 422,
    TooManyRequests: 429,
    TemporaryError: 503,
    Misconfigured: 503,
    PostgenError: 500,
}
STATUS_OF_CODE = {
    "malformed_json": 400,
    "malformed_form": 400,
    "link_expired": 410,
    "media_gone": 410,
    "body_too_large": 413,
    "document_too_large": 413,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
}
CODE_OF_STATUS = {
    400: "malformed_json",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
UNREACHABLE = (ConnectionError, TimeoutError, socket.gaierror)


def install(app: FastAPI) -> None:
    """From here on a route may just raise the errors of jobs/errors.py."""
    for error, handler in (
        (PostgenError, _of_ours),
        (RequestValidationError, _of_validation),
        (HTTPException, _of_http),
        (SQLAlchemyError, _of_database),
        (OSError, _of_database),
        (Exception, _of_bug),
    ):
        app.add_exception_handler(error, handler)  # type: ignore[arg-type] # each takes the class it stands beside


def problem(
    request: Request,
    error: PostgenError,
    *,
    status: int | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer that tells of `error`."""
    status = status or status_of(error)
    entry = CATALOGUE.get(error.code)
    members: dict[str, Any] = {
        "type": f"/docs/errors#{error.code}",
        "title": entry.title if entry else HTTPStatus(status).phrase,
        "status": status,
        "errors": [],
        **error.as_json(),
        "instance": request.url.path,
    }
    found = dict(headers or {})
    if status in (429, 503):
        found["Retry-After"] = str(seconds_to_wait(error))
    if status == HTTPStatus.UNAUTHORIZED:
        found["WWW-Authenticate"] = 'Bearer realm="postgen"'
    # ASCII only: a broken half of a character in what is repeated from the request cannot break the answer
    return Response(json.dumps(members), status, found, CONTENT_TYPE)


def seconds_to_wait(error: PostgenError) -> int:
    """Before a request that was refused may be repeated."""
    return max(1, math.ceil(getattr(error, "retry_in", None) or 1))


def status_of(error: PostgenError) -> int:
    by_class = next(status for kind, status in STATUS_OF_CLASS.items() if isinstance(error, kind))
    return STATUS_OF_CODE.get(error.code, by_class)


async def _of_ours(request: Request, error: PostgenError) -> Response:
    if isinstance(error, Blocked):
        await note(request, error)
    return problem(request, error)


async def _of_validation(request: Request, error: RequestValidationError) -> Response:
    return problem(request, request_error(error, request.url.path))


async def _of_http(request: Request, error: HTTPException) -> Response:
    code = CODE_OF_STATUS.get(error.status_code, "http_error")
    detail = error.detail
    if detail == HTTPStatus(error.status_code).phrase:
        detail = {
            404: f"There is nothing at {request.url.path}.",
            405: f"{request.method} is not possible at {request.url.path}.",
        }.get(error.status_code, detail)
    ours = PostgenError(detail, code=code, blame="client" if error.status_code < 500 else "platform")
    return problem(request, ours, status=error.status_code, headers=dict(error.headers or {}))


async def _of_database(request: Request, error: Exception) -> Response:
    """A database that is away comes back; anything else is a bug of ours."""
    if not (isinstance(error, UNREACHABLE) or (isinstance(error, SQLAlchemyError) and may_pass(error))):
        raise error
    away = TemporaryError(
        "The database does not answer at the moment.", code="database_unavailable", blame="platform", retry_in=1
    )
    return problem(request, away)


async def _of_bug(request: Request, error: Exception) -> Response:
    del error  # it goes to the log; its text may hold anything
    bug = PostgenError("Something went wrong on our side. It is not the request's fault.")
    # this answer is made outside of what adds them otherwise
    return problem(request, bug, headers=getattr(request.state, "answer_headers", None))
