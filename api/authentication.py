"""Who asks? A key in `Authorization: Bearer pg_…`, looked up and counted in one round trip to the database."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import rate_limits
from jobs.db.access import api_keys
from jobs.errors import Forbidden, Unauthenticated

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    bearerFormat="pg_<prefix>_<secret>",
    description="A key made with `postgen keys create`, or by an admin with `POST /v1/keys`.",
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True)
class Caller:
    """`owner` is whose jobs, media, events and webhooks these are. `open_jobs` at most at a time; None: any number."""

    key_id: UUID
    owner: str
    scopes: frozenset[str]
    open_jobs: int | None = None
    suspended: bool = False

    def require_good_standing(self) -> None:
        """Raises Forbidden for one who is suspended: nothing more is accepted."""
        if self.suspended:
            detail = "This account is suspended: too many of its requests broke the content rules. Ask the operator."
            raise Forbidden(detail, code="suspended")


async def authenticated(request: Request, credentials: Credentials) -> Caller:
    """Raises Unauthenticated, or TooManyRequests when the key's minute is used up."""
    if credentials is None:
        raise Unauthenticated("This needs a key. Send it as: Authorization: Bearer pg_…")
    async with request.app.state.database.statement() as connection:
        key = await api_keys.present(connection, credentials.credentials)
    if key is None:
        raise Unauthenticated(
            "This key is not known, has expired or was revoked. Ask the operator for a new one.", code="invalid_key"
        )
    request.state.answer_headers.update(rate_limits.headers(key))
    rate_limits.require_room(key)
    request.state.owner = key.owner
    return Caller(key.id, key.owner, frozenset(key.scopes), key.open_jobs, key.suspended)


KeyHolder = Annotated[Caller, Depends(authenticated)]


async def may_use_jobs(caller: KeyHolder) -> Caller:
    return _with_scope(caller, "jobs", "admin")


async def may_administrate(caller: KeyHolder) -> Caller:
    return _with_scope(caller, "admin")


JobsCaller = Annotated[Caller, Depends(may_use_jobs)]
AdminCaller = Annotated[Caller, Depends(may_administrate)]


def _with_scope(caller: Caller, *scopes: str) -> Caller:
    if caller.scopes.isdisjoint(scopes):
        raise Forbidden(f"This key may not do that: it needs the scope {scopes[0]}.", code="scope_missing")
    return caller
