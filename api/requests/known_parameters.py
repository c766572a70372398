"""A parameter that an operation does not have is a slip of the pen: `?dryrun=true` must not make a job."""

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute

from jobs.errors import InvalidInput


async def require_known_parameters(request: Request) -> None:
    """Raises InvalidInput. A dependency of routes."""
    route = request.scope["route"]
    if not request.query_params or not isinstance(route, APIRoute):
        return
    fields = get_flat_params(route.dependant)
    known = sorted(field.alias for field in fields if isinstance(field.field_info, Query))
    unknown = sorted(set(request.query_params) - set(known))
    if not unknown:
        return
    there_are = f"There are: {', '.join(known)}." if known else "There are none here."
    errors = [
        {"parameter": name[:100], "in": "query", "detail": f"There is no such parameter. {there_are}"}
        for name in unknown
    ]
    raise InvalidInput(
        f"The request is not valid: there is no parameter {unknown[0][:100]!r}. {there_are}",
        errors=errors,
        code="invalid_request",
    )
