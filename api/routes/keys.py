"""/v1/keys: who may use this API. For admins."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from api.answers.moments import YEAR, Moment, ahead
from api.answers.paging import cursor_of, place_of
from api.authentication import AdminCaller
from jobs.db.access import api_keys
from jobs.db.access.api_keys import (
    DEFAULT_REQUESTS_PER_MINUTE,
    LONGEST_NAME,
    LONGEST_OWNER,
    MOST_OPEN_JOBS,
    MOST_REQUESTS_PER_MINUTE,
    ApiKey,
)
from jobs.errors import NotFound
from jobs.storable import is_storable

router = APIRouter(prefix="/v1/keys", tags=["keys"])

Scope = Literal["jobs", "admin"]


class NewKey(BaseModel):
    """Without an `owner` the key begins a new account. Keys of one owner see the same jobs."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"name": "the shop", "owner": "account:shop", "open_jobs": 100}}
    )

    owner: str | None = Field(default=None, min_length=1, max_length=LONGEST_OWNER)
    name: str = Field(default="", max_length=LONGEST_NAME)
    scopes: list[Scope] = Field(default=["jobs"], min_length=1, max_length=2)
    requests_per_minute: int = Field(
        default=DEFAULT_REQUESTS_PER_MINUTE, strict=True, ge=1, le=MOST_REQUESTS_PER_MINUTE
    )
    open_jobs: int | None = Field(
        default=None,
        strict=True,
        ge=1,
        le=MOST_OPEN_JOBS,
        description="Open jobs of its owner at a time; any number, if left out.",
    )
    expires_at: Annotated[Moment, ahead(100 * YEAR)] = None

    @field_validator("name")
    @classmethod
    def can_be_stored(cls, name: str) -> str:
        if not is_storable(name):
            raise ValueError("holds a zero byte")
        return name


class KeyAnswer(BaseModel):
    """What may be known of a key. `prefix` is its part after `pg_`, by which one tells it from others."""

    id: UUID
    owner: str
    name: str
    prefix: str
    scopes: list[Scope]
    requests_per_minute: int
    open_jobs: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class MadeKey(KeyAnswer):
    key: str = Field(description="The key itself. It is shown this once, and kept nowhere.")


class KeyPage(BaseModel):
    keys: list[KeyAnswer]
    has_more: bool
    next: str | None


@router.post("", status_code=201, summary="Make a key")
async def create(request: Request, admin: AdminCaller, body: NewKey) -> MadeKey:
    del admin
    owner = api_keys.checked_owner(body.owner)
    async with request.app.state.database.transaction() as connection:
        key, made = await api_keys.insert(
            connection,
            owner=owner,
            name=body.name,
            scopes=sorted(set(body.scopes)),
            requests_per_minute=body.requests_per_minute,
            open_jobs=body.open_jobs,
            expires_at=body.expires_at,
        )
    return MadeKey(key=key, **_shown(made))


@router.get("", summary="List keys, the newest first")
async def list_keys(
    request: Request,
    admin: AdminCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> KeyPage:
    del admin
    async with request.app.state.database.statement() as connection:
        found = await api_keys.newest(connection, limit + 1, after=place_of(cursor))
    shown = found[:limit]
    more = len(found) > limit
    following = cursor_of(shown[-1].created_at, shown[-1].id) if more else None
    return KeyPage(keys=[KeyAnswer(**_shown(key)) for key in shown], has_more=more, next=following)


@router.delete("/{key_id}", summary="Revoke a key, at once and for ever")
async def revoke(request: Request, admin: AdminCaller, key_id: UUID) -> KeyAnswer:
    del admin
    async with request.app.state.database.statement() as connection:
        revoked = await api_keys.revoke(connection, key_id)
    if revoked is None:
        raise NotFound(f"There is no key {key_id}.")
    return KeyAnswer(**_shown(revoked))


def _shown(key: ApiKey) -> dict[str, object]:
    return dict(vars(key))
